// Compares with numbers of PyTorch, which are fixtures. tests/fixtures/make_fixtures.py makes them and says what they
// hold.
#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>

#include "autodiff/ops/loss.hpp"
#include "ntk/kernel.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/torch_networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;
namespace utf = boost::unit_test;

namespace {

constexpr std::size_t waves = 3;

template <class T>
constexpr double tolerance = sizeof(T) == 8 ? 1e-10 : 1e-5;

std::filesystem::path fixtures() {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  return std::filesystem::path(source ? source : ".") / "tests" / "fixtures";
}

TensorFile fixture(const std::string& name) { return read_safetensors(fixtures() / (name + ".safetensors")); }

// max |a - b| / max |b|; infinity where shapes differ or NaN appears.
double relative(const Array<double>& a, const Array<double>& b) {
  if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    worst = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(worst, d);
    scale = std::max(scale, std::abs(b[i]));
  }
  return worst == 0 ? 0 : worst / scale;
}

template <class T>
void expect_near(const char* what, const Array<double>& ours, const Array<double>& theirs) {
  const double d = relative(ours, theirs);
  BOOST_TEST(d <= tolerance<T>, what << (sizeof(T) == 8 ? " in double" : " in float") << " differs by " << d << " ("
                                     << to_string(ours.shape()) << " and " << to_string(theirs.shape()) << ')');
}

// Folds rows (..., P) to (..., parameters, waves), as make_fixtures.py does.
Array<double> folded(const Array<double>& flat, const std::vector<ParameterInfo>& infos) {
  const Shape front = flat.shape().slice(0, flat.rank() - 1);
  Array<double> out = Array<double>::zeros(front.joined({infos.size(), waves}));
  double* to = out.mutable_data();
  for (std::size_t row = 0; row < front.size(); ++row)
    for (const ParameterInfo& info : infos)
      for (std::size_t k = 0; k < waves; ++k, ++to)
        for (std::size_t i = 0; i < info.shape.size(); ++i)
          *to += flat[row * flat.shape().back() + info.offset + i] *
                 std::cos(0.5 + 0.73 * static_cast<double>(k + 1) * static_cast<double>(i));
  return out;
}

// The cotangents of all parameters for K seeds of the output, (K, P).
template <class T>
Array<double> flat_cotangents(const Recording<T>& run, const Parameters<T>& params, const Var<T>& of,
                              const Array<T>& seeds) {
  const auto cotangents = pullback(of, Var<T>(seeds), Vars<T>(run.parameters));
  const std::size_t count = seeds.shape()[0];
  Array<double> out = Array<double>::zeros({count, params.size()});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < params.count(); ++i) {
    if (!cotangents[i].defined()) continue;
    const Array<double> values = to_double(cotangents[i].value());
    const std::size_t size = params.infos()[i].shape.size();
    BOOST_REQUIRE(values.size() == count * size);
    for (std::size_t k = 0; k < count; ++k)
      std::copy_n(values.data() + k * size, size, to + k * params.size() + params.infos()[i].offset);
  }
  return out;
}

// A network in one precision, and its fixture.
template <class T>
class Parity {
 public:
  explicit Parity(const TorchRow& row)
      : net_(row.net), file_(fixture(row.name)), x_(file_.get<T>("x")), params_(load_state()) {
    for (std::int64_t label : file_.integers("labels")) labels_.push_back(static_cast<std::size_t>(label));
  }

  void check_layout() const {
    std::ostringstream ours;
    for (const ParameterInfo& info : params_.infos()) ours << "parameter " << info.name << ' ' << info.shape << '\n';
    for (const ParameterInfo& info : params_.buffer_infos())
      ours << "buffer " << info.name << ' ' << info.shape << '\n';
    BOOST_TEST(ours.str() == file_.metadata().at("layout") + "\n");
  }

  // Compares logits, loss and gradients of one run, and in training mode the buffers after it.
  void check_run(Mode mode) const {
    const std::string prefix = mode == Mode::training ? "training/" : "";
    Tape<T> tape;
    const Recording<T> run = net_->record(tape, params_, x_, mode);
    const Var<T> loss = cross_entropy(run.output, labels_);
    expect_near<T>("logits", to_double(run.output.value()), expected(prefix + "logits"));
    expect_near<T>("loss", to_double(loss.value()), expected(prefix + "loss"));
    const Array<double> gradient = flat_cotangents(run, params_, loss, Array<T>::ones({1})).reshaped({params_.size()});
    if (file_.contains(prefix + "gradient")) {
      expect_near<T>("gradient", folded(gradient, params_.infos()), expected(prefix + "gradient"));
    } else {
      // Relative to the largest element of the whole gradient, since the gradient of a bias before a normalization is
      // zero up to rounding.
      double scale = 0;
      for (std::size_t i = 0; i < gradient.size(); ++i) scale = std::max(scale, std::abs(gradient[i]));
      for (const ParameterInfo& info : params_.infos()) {
        const Array<double> theirs = expected(prefix + "gradient/" + info.name);
        const Array<double> ours = gradient.flat_slice(info.offset, info.shape);
        BOOST_REQUIRE(theirs.shape() == ours.shape());
        double worst = 0;
        for (std::size_t i = 0; i < ours.size(); ++i) worst = std::max(worst, std::abs(ours[i] - theirs[i]) / scale);
        BOOST_TEST(worst <= tolerance<T>, "gradient of " << info.name << " differs by " << worst);
      }
    }
    if (mode == Mode::evaluation) return;
    auto left = params_;
    left.set_buffers(run.buffers);
    for (const ParameterInfo& info : left.buffer_infos())
      expect_near<T>(info.name.c_str(), to_double(left[info.name]), expected("training/buffer/" + info.name));
  }

  void check_jacobian() const {
    Tape<T> tape;
    const Recording<T> run = net_->record(tape, params_, x_);
    const Shape logits = run.output.shape();
    Array<T> seeds = Array<T>::zeros(logits.prepended(logits.size()));
    T* seed = seeds.mutable_data();
    for (std::size_t i = 0; i < logits.size(); ++i) seed[i * logits.size() + i] = T(1);
    const Array<double> jacobian =
        flat_cotangents(run, params_, run.output, seeds).reshaped(logits.joined({params_.size()}));
    const Array<double> theirs = expected("jacobian");
    const bool fold = theirs.rank() == 4;
    expect_near<T>("jacobian", fold ? folded(jacobian, params_.infos()) : jacobian, theirs);
  }

  void check_kernels() const {
    for (auto strategy :
         {ntk::Strategy::automatic, ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products})
      BOOST_TEST_CONTEXT(ntk::name(strategy)) {
        const ntk::Options options{.strategy = strategy};
        expect_near<T>("entk", ntk::entk(*net_, params_, x_, options), expected("entk"));
        expect_near<T>("pntk", ntk::pntk(*net_, params_, x_, options), expected("pntk"));
      }
  }

  // In float only where rounding is not amplified; elsewhere PyTorch itself is no better.
  bool has_training() const {
    return file_.contains("training/logits") &&
           (sizeof(T) == 8 || file_.get<double>("training/float_error").item() < 0.3 * tolerance<T>);
  }
  const Parameters<T>& params() const { return params_; }

 private:
  Array<double> expected(const std::string& name) const { return file_.get<double>(name); }

  // The arrays under state/ in the fixture, as a file of their own.
  Parameters<T> load_state() const {
    const TemporaryFolder folder;
    std::vector<NamedArray<double>> state;
    for (const TensorFile::Entry& entry : file_.entries())
      if (entry.name.starts_with("state/"))
        state.push_back({entry.name.substr(6), file_.get<double>(entry.name), entry.type});
    write_safetensors(folder / "state.safetensors", state);
    return load_parameters<T>(*net_, folder / "state.safetensors");
  }

  AnyModule net_;
  TensorFile file_;
  Array<T> x_;
  Parameters<T> params_;
  std::vector<std::size_t> labels_;
};

template <class T>
void check_parity(const TorchRow& row) {
  const Parity<T> parity(row);
  parity.check_layout();
  parity.check_run(Mode::evaluation);
  if (parity.has_training()) parity.check_run(Mode::training);
  parity.check_jacobian();
  parity.check_kernels();
}

// These tests run PyTorch itself, by the interpreter in $XTANGENT_TORCH, which must have torch and safetensors.
boost::test_tools::assertion_result torch_is_there(utf::test_unit_id) {
  boost::test_tools::assertion_result there(std::getenv("XTANGENT_TORCH") != nullptr);
  if (!there) there.message() << "set XTANGENT_TORCH to a Python interpreter with torch and safetensors";
  return there;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(torch_parity)

BOOST_AUTO_TEST_CASE(networks_in_double) {
  for (const TorchRow& row : torch_networks()) BOOST_TEST_CONTEXT(row.name) check_parity<double>(row);
}

BOOST_AUTO_TEST_CASE(networks_in_float) {
  for (const TorchRow& row : torch_networks()) BOOST_TEST_CONTEXT(row.name) check_parity<float>(row);
}

BOOST_AUTO_TEST_CASE(every_fixture_is_used_and_all_are_small) {
  std::set<std::string> used = {"optimizers", "schedules", "initialization", "operations", "kernels"}, there;
  for (const TorchRow& row : torch_networks()) used.insert(row.name);
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(fixtures()))
    if (file.path().extension() == ".safetensors") {
      there.insert(file.path().stem().string());
      bytes += file.file_size();
    }
  BOOST_TEST(there == used, boost::test_tools::per_element());
  BOOST_TEST(bytes < 3'000'000u);
}

BOOST_AUTO_TEST_CASE(torch_loads_what_is_saved, *utf::precondition(torch_is_there)) {
  const TemporaryFolder folder;
  for (const TorchRow& row : torch_networks())
    save_parameters(Parity<double>(row).params(), folder / (row.name + ".safetensors"));
  const std::string command = '"' + std::string(std::getenv("XTANGENT_TORCH")) + "\" \"" +
                              (fixtures() / "make_fixtures.py").string() + "\" --check \"" + folder.path().string() +
                              '"';
  BOOST_TEST(std::system(command.c_str()) == 0);
}

BOOST_AUTO_TEST_CASE(optimizers_take_the_same_steps) {
  const TensorFile file = fixture("optimizers");
  const Array<double> gradients = file.get<double>("gradients");
  const std::vector<std::pair<std::string, OptimizerSettings>> rows = {
      {"sgd", sgd({.rate = 0.1})},
      {"sgd_momentum", sgd({.rate = 0.1, .momentum = 0.9})},
      {"sgd_nesterov", sgd({.rate = 0.1, .momentum = 0.8, .nesterov = true})},
      {"sgd_decay", sgd({.rate = 0.1, .weight_decay = 0.05})},
      {"sgd_all", sgd({.rate = 0.1, .momentum = 0.9, .weight_decay = 0.05, .nesterov = true})},
      {"adam", adam()},
      {"adam_decay", adam({.rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = 0.05})},
      {"adamw", adamw()},
      {"adamw_all", adamw({.rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = 0.3})}};
  BOOST_TEST(file.entries().size() == rows.size() + 2);
  const auto check = [&]<class T>(Parameters<T> params) {
    for (const auto& [name, settings] : rows) BOOST_TEST_CONTEXT(name) {
        params.set_flat(file.get<T>("start"));
        Optimizer<T> optimizer(settings);
        const Array<double> expected = file.get<double>(name);
        for (std::size_t step = 0; step < gradients.shape()[0]; ++step) {
          optimizer.step(params, cast<T>(gradients.rows(step, step + 1)).reshaped({params.size()}));
          expect_near<T>("step", to_double(params.flat()), expected.rows(step, step + 1).reshaped({params.size()}));
        }
      }
  };
  check(Linear{4, 4}.init<double>());
  check(Linear{4, 4}.init<float>());
}

BOOST_AUTO_TEST_CASE(initial_values_have_the_same_distribution) {
  const TensorFile file = fixture("initialization");
  const std::vector<TorchRow> rows = {{"linear", Linear{40, 2500}},
                                      {"convolution", Conv2d{12, 2502, {3, 2}, {.groups = 3}}},
                                      {"batch_norm", BatchNorm2d{20}},
                                      {"layer_norm", LayerNorm{20}},
                                      {"group_norm", GroupNorm{4, 20}},
                                      {"convolution_1d", Conv1d{12, 2502, 5, {.groups = 3}}},
                                      {"convolution_3d", Conv3d{12, 2502, {3, 2, 1}, {.groups = 3}}},
                                      {"embedding", Embedding{300, 40}},
                                      {"padded_embedding", Embedding{30, 40, {.padding_idx = 3}}},
                                      {"attention", MultiheadAttention{64, 4}},
                                      {"cross_attention", MultiheadAttention{64, 4, {.kdim = 40, .vdim = 20}}},
                                      {"transformer_encoder", TransformerEncoderLayer{64, 4, {.dim_feedforward = 80}}},
                                      {"prelu", Prelu{5}},
                                      {"lstm", Lstm{30, 40, {.num_layers = 2, .bidirectional = true}}},
                                      {"gru_cell", GruCell{30, 40}},
                                      {"resnet18", resnet18({.classes = 10, .stem = Stem::cifar, .width = 0.25})}};
  std::size_t compared = 0;
  for (const TorchRow& row : rows) {
    const auto params = row.net->init<double>(5);
    for (const auto& [info, value] : params) BOOST_TEST_CONTEXT(row.name << ' ' << info.name) {
        const Array<double> theirs = file.get<double>(row.name + "/" + info.name);
        const auto n = static_cast<double>(value.size());
        double mean = 0, variance = 0, fourth = 0;
        for (std::size_t i = 0; i < value.size(); ++i) mean += value[i] / n;
        for (std::size_t i = 0; i < value.size(); ++i) {
          variance += std::pow(value[i] - mean, 2) / n;
          fourth += std::pow(value[i] - mean, 4) / n;
        }
        const double low = *std::min_element(value.data(), value.data() + value.size());
        const double high = *std::max_element(value.data(), value.data() + value.size());
        // Five standard errors of the difference of two samples; the deviation of a constant is 0.
        const double deviation = theirs[3], rounding = 1e-12, error = 5 * std::sqrt(2 / n);
        BOOST_TEST(std::abs(mean - theirs[2]) <= error * deviation + rounding);
        BOOST_TEST(std::abs(std::sqrt(variance) - deviation) <= error * deviation + rounding);
        if (deviation > 0) BOOST_TEST(std::abs(fourth / (variance * variance) - theirs[4]) <= 5 * error);
        // The smallest and largest of n uniform numbers are within a few n-ths of the bounds; normal numbers have no
        // bounds.
        const double ends = theirs[4] < 2.2 ? 40 / n : 2.0;
        BOOST_TEST(std::abs(low - theirs[0]) <= ends * deviation);
        BOOST_TEST(std::abs(high - theirs[1]) <= ends * deviation);
        ++compared;
      }
  }
  BOOST_TEST(compared == file.entries().size());
}

BOOST_AUTO_TEST_SUITE_END()
