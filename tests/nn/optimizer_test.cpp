// Compares update rules, step by step, with the algorithms in PyTorch's documentation.
#include <oneapi/tbb/global_control.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "nn/safetensors.hpp"
#include "nn/sequential.hpp"
#include "nn/training/optimizer.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
namespace tt = boost::test_tools;

namespace {

const nn::Linear layer{3, 2};

// The gradient of step t, which is arbitrary.
Array<double> gradient_of(std::size_t t, std::size_t n) {
  testing::Random random("gradient " + std::to_string(t));
  return testing::random_array(random, {n});
}

// torch.optim.SGD for one parameter, from the pseudocode of its documentation.
struct ReferenceSgd {
  nn::SgdOptions o;
  double buffer = 0.0;
  double operator()(double p, double g, int t) {
    g += o.weight_decay * p;
    if (o.momentum != 0.0) {
      buffer = t > 1 ? o.momentum * buffer + g : g;
      g = o.nesterov ? g + o.momentum * buffer : buffer;
    }
    return p - o.rate * g;
  }
};

// torch.optim.Adam and AdamW.
struct ReferenceAdam {
  nn::AdamOptions o;
  double m = 0.0, v = 0.0;
  double operator()(double p, double g, int t) {
    if (o.decoupled)
      p -= o.rate * o.weight_decay * p;
    else
      g += o.weight_decay * p;
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(o.beta1, t)), v_hat = v / (1 - std::pow(o.beta2, t));
    return p - o.rate * m_hat / (std::sqrt(v_hat) + o.epsilon);
  }
};

template <class Reference, class Options>
void follow(const nn::OptimizerSettings& settings, const Options& options) {
  auto params = layer.init<double>(4), by_array = params;
  nn::Optimizer<double> flat(settings), arrays(settings);
  std::vector<Reference> reference(params.size(), Reference{options});
  std::vector<double> expected(params.flat().data(), params.flat().data() + params.size());
  for (int t = 1; t <= 5; ++t) {
    const Array<double> g = gradient_of(static_cast<std::size_t>(t), params.size());
    flat.step(params, g);
    std::vector<Var<double>> parts;
    for (const nn::ParameterInfo& info : by_array.infos()) parts.emplace_back(g.flat_slice(info.offset, info.shape));
    arrays.step(by_array, parts);
    for (std::size_t i = 0; i < params.size(); ++i) {
      expected[i] = reference[i](expected[i], g[i], t);
      BOOST_TEST(params.flat()[i] == expected[i], tt::tolerance(1e-13));
      BOOST_TEST(by_array.flat()[i] == params.flat()[i]);
    }
  }
  BOOST_TEST(flat.steps() == 5u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(optimizer)

BOOST_AUTO_TEST_CASE(sgd_follows_pytorch) {
  for (const nn::SgdOptions& o : {nn::SgdOptions{.rate = 0.1},
                                  {.rate = 0.1, .weight_decay = 0.2},
                                  {.rate = 0.1, .momentum = 0.9},
                                  {.rate = 0.1, .momentum = 0.9, .weight_decay = 0.2},
                                  {.rate = 0.1, .momentum = 0.9, .nesterov = true},
                                  {.rate = 0.1, .momentum = 0.8, .weight_decay = 0.1, .nesterov = true}})
    follow<ReferenceSgd>(nn::sgd(o), o);
}

BOOST_AUTO_TEST_CASE(adam_follows_pytorch) {
  for (const nn::AdamOptions& o : {nn::AdamOptions{},
                                   {.rate = 0.1, .beta1 = 0.5, .beta2 = 0.7, .epsilon = 1e-3},
                                   {.rate = 0.1, .weight_decay = 0.2}})
    follow<ReferenceAdam>(nn::adam(o), o);
}

// 1 - beta2 has all digits in float, too.
BOOST_AUTO_TEST_CASE(adam_in_float_follows_double_where_beta2_is_almost_1) {
  for (const double beta2 : {0.9999, 0.9999999}) {
    auto twice = layer.init<double>(4);
    auto single = layer.init<float>(4);
    const Array<double> start = twice.flat();
    const nn::AdamOptions options{.rate = 0.1, .beta2 = beta2, .epsilon = 1e-12};
    nn::Optimizer<double>(nn::adam(options)).step(twice, Array<double>::full({twice.size()}, 0.3));
    nn::Optimizer<float>(nn::adam(options)).step(single, Array<float>::full({single.size()}, 0.3F));
    for (std::size_t i = 0; i < twice.size(); ++i)
      BOOST_TEST(std::abs(static_cast<double>(single.flat()[i]) - twice.flat()[i]) < 1e-6);
    BOOST_TEST(std::abs(twice.flat()[0] - start[0] + 0.1) < 1e-3);
  }
}

BOOST_AUTO_TEST_CASE(adamw_follows_pytorch) {
  follow<ReferenceAdam>(nn::adamw(), nn::AdamOptions{.weight_decay = 0.01, .decoupled = true});
  follow<ReferenceAdam>(nn::adamw({.rate = 0.1, .weight_decay = 0.3}),
                        nn::AdamOptions{.rate = 0.1, .weight_decay = 0.3, .decoupled = true});
}

BOOST_AUTO_TEST_CASE(rates_can_change_between_steps) {
  auto params = layer.init<double>(4);
  const auto before = params;
  nn::Optimizer<double> optimizer(nn::sgd({.rate = 0.1}));
  optimizer.set_rate(0.5);
  BOOST_TEST(optimizer.rate() == 0.5);
  optimizer.step(params, Array<double>::ones({params.size()}));
  BOOST_TEST(params.flat()[0] == before.flat()[0] - 0.5, tt::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(what_a_tape_has_seen_stays) {
  auto params = layer.init<double>(4);
  Tape<double> tape;
  const auto recording = layer.record(tape, params, Array<double>::ones({1, 3}));
  const Array<double> seen = recording.parameters[0].value();
  const double before = seen[0];
  nn::Optimizer<double>(nn::sgd({.rate = 1.0})).step(params, Array<double>::ones({params.size()}));
  BOOST_TEST(seen[0] == before);
  BOOST_TEST(params.flat()[0] == before - 1.0, tt::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(clipping_follows_pytorch) {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  const nn::TensorFile pytorch =
      nn::read_safetensors(std::filesystem::path(source ? source : ".") / "tests/fixtures/schedules.safetensors");
  for (const double most : {2.0, 100.0}) {
    std::vector<Var<double>> gradients = {Var<double>(), pytorch.get<double>("gradient/a"),
                                          pytorch.get<double>("gradient/b")};
    const std::vector<Var<double>> before = gradients;
    const double norm = pytorch.get<double>("norm").item();
    BOOST_TEST(nn::global_norm<double>(gradients) == norm, tt::tolerance(1e-14));
    BOOST_TEST(nn::clip_by_norm<double>(gradients, most) == norm, tt::tolerance(1e-14));
    const std::string name = most == 2.0 ? "clipped_2/" : "clipped_100/";
    BOOST_TEST(!gradients[0].defined());
    BOOST_TEST(testing::difference(gradients[1].value(), pytorch.get<double>(name + "a")) < 1e-15);
    BOOST_TEST(testing::difference(gradients[2].value(), pytorch.get<double>(name + "b")) < 1e-15);
    BOOST_TEST(testing::same_bits(gradients[1].value(), before[1].value()) == (most == 100.0));
  }
}

BOOST_AUTO_TEST_CASE(the_norm_of_many_elements_does_not_depend_on_threads) {
  testing::Random random("norm");
  const std::vector<Var<float>> gradients = {testing::cast<float>(testing::random_array(random, {100'003})),
                                             Array<float>::full({7}, 1e-3f)};
  double reference = 7e-6;
  for (std::size_t i = 0; i < 100'003; ++i) reference += std::pow(double(gradients[0].value()[i]), 2);
  std::vector<double> norms;
  for (const std::size_t threads : {1, 2, 4}) {
    const oneapi::tbb::global_control control(oneapi::tbb::global_control::max_allowed_parallelism, threads);
    norms.push_back(nn::global_norm<float>(gradients));
    BOOST_TEST(norms.back() == norms.front());
  }
  BOOST_TEST(norms[0] == std::sqrt(reference), tt::tolerance(1e-6));
  BOOST_TEST(nn::global_norm<float>(std::vector<Var<float>>(3)) == 0.0);
  std::vector<Var<float>> spoiled = {Array<float>::full({2}, std::numeric_limits<float>::infinity())};
  BOOST_CHECK_THROW(nn::clip_by_norm<float>(spoiled, 1.0), numerical_error);
  for (const double most : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()})
    BOOST_CHECK_THROW(nn::clip_by_norm<float>(spoiled, most), option_error);
}

BOOST_AUTO_TEST_CASE(an_undefined_gradient_leaves_its_array) {
  auto params = layer.init<double>(4);
  const auto before = params;
  const std::vector<Var<double>> gradients = {Var<double>(), Array<double>::ones({2})};
  nn::Optimizer<double>(nn::adam()).step(params, gradients);
  BOOST_TEST(testing::same_bits(params["weight"], before["weight"]));
  BOOST_TEST(!testing::same_bits(params["bias"], before["bias"]));
}

BOOST_AUTO_TEST_CASE(wrong_settings_and_shapes_are_refused) {
  using Optimizer = nn::Optimizer<double>;
  BOOST_CHECK_THROW(Optimizer(nn::sgd({.rate = -1.0})), option_error);
  BOOST_CHECK_THROW(Optimizer(nn::sgd({.momentum = -0.1})), option_error);
  BOOST_TEST(testing::has(testing::message_of([] { Optimizer(nn::sgd({.rate = -1e-9})); }),
                          "[sgd] rate -1e-09. It must be at least 0."));
  BOOST_CHECK_THROW(Optimizer(nn::sgd({.nesterov = true})), option_error);
  BOOST_CHECK_THROW(Optimizer(nn::sgd({.rate = std::numeric_limits<double>::quiet_NaN()})), option_error);
  BOOST_CHECK_THROW(Optimizer(nn::adam({.beta1 = 1.0})), option_error);
  BOOST_CHECK_THROW(Optimizer(nn::adam({.beta2 = -0.5})), option_error);
  BOOST_CHECK_THROW(Optimizer(nn::adamw({.weight_decay = -0.5})), option_error);
  Optimizer optimizer(nn::adam());
  BOOST_CHECK_THROW(optimizer.set_rate(-1.0), option_error);
  auto params = layer.init<double>(4);
  const auto before = params;
  BOOST_CHECK_THROW(optimizer.step(params, Array<double>::ones({3})), shape_error);
  const std::vector<Var<double>> one = {Array<double>::ones({2, 3})};
  BOOST_CHECK_THROW(optimizer.step(params, one), shape_error);
  const std::vector<Var<double>> turned = {Array<double>::ones({3, 2}), Array<double>::ones({2})};
  BOOST_CHECK_THROW(optimizer.step(params, turned), shape_error);
  BOOST_TEST(optimizer.steps() == 0u);
  BOOST_TEST(testing::same_bits(params.flat(), before.flat()));
  optimizer.step(params, Array<double>::ones({params.size()}));
  auto other = nn::Linear(4, 2).init<double>(0);
  BOOST_CHECK_THROW(optimizer.step(other, Array<double>::ones({other.size()})), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
