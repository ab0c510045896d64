// Compares kernels of losses, of chosen parameters, of the last token, of several inputs and of a differential equation
// with Gram matrices of PyTorch's gradients. tests/fixtures/kernels.py has the same cases and makes the numbers.
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/linear.hpp"
#include "nn/inputs.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/linear.hpp"
#include "nn/models/gpt2.hpp"
#include "nn/positions.hpp"
#include "nn/safetensors.hpp"
#include "nn/sequential.hpp"
#include "ntk/function.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/per_example.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

struct LoraLinear : nn::Module<LoraLinear> {
  std::size_t inputs, outputs, rank;
  nn::Linear base;
  LoraLinear(std::size_t in, std::size_t out, std::size_t r) : inputs(in), outputs(out), rank(r), base(in, out) {}

  void parameters(nn::Declaration& declare) const {
    declare("lora_A", Shape{rank, inputs}, nn::normal(1.0));
    declare("lora_B", Shape{outputs, rank}, nn::normal(1.0));
  }
  void children(nn::Declaration& visit) const { visit("base", base); }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return base(p["base"], x) + 0.5 * linear(linear(x, p("lora_A")), p("lora_B"));
  }
};

struct Reader : nn::Module<Reader> {
  nn::Embedding words{6, 4};
  nn::Linear head{4, 3};

  void children(nn::Declaration& visit) const {
    visit("words", words);
    visit("head", head);
  }
  std::array<Shape, 2> inputs() const { return {Shape{5}, Shape{5}}; }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& ids, const Var<T>& mask) const {
    return head(p["head"], tanh(nn::masked_mean(words(p["words"], ids), mask)));
  }
};

const auto burgers = [](const auto& u, const auto& x) {
  const auto u_x = [&](const auto& v) { return ntk::partial(u, v, 0); };
  return ntk::partial(u, x, 1) + u(x) * u_x(x) - 0.1 * ntk::partial(u_x, x, 0);
};

struct Case {
  std::string name;
  nn::AnyModule net;
  ntk::Readout readout = readout::full();
  std::vector<std::string> parameters = {};
};

std::vector<Case> cases() {
  const auto classifier = nn::sequential(nn::Linear(5, 6), nn::Tanh(), nn::Linear(6, 3));
  const ntk::Labels y = {2, 0, 1, 2};
  Array<double> targets({4, 3});
  for (std::size_t i = 0; i < 12; ++i) targets.mutable_data()[i] = -1 + 2 * static_cast<double>(i) / 11;
  return {
      {"loss", classifier, readout::loss(y)},
      {"squared_error", classifier, readout::loss(targets)},
      {"log_probability", classifier, readout::log_probability(y)},
      {"margin", classifier, readout::margin(y)},
      {"lpntk", classifier, readout::signed_labels(y)},
      {"lora", nn::sequential(LoraLinear(5, 6, 2), nn::Tanh(), LoraLinear(6, 3, 1)), readout::full(), {"*lora_*"}},
      {"last_token", nn::gpt2({.vocab_size = 6, .n_positions = 4, .n_embd = 4, .n_layer = 1, .n_head = 2})},
      {"two_inputs", Reader{}},
      {"residual",
       ntk::function(nn::sequential(nn::Linear(2, 6), nn::Tanh(), nn::Linear(6, 5), nn::Tanh(), nn::Linear(5, 1)),
                     burgers)},
  };
}

// One case in one precision, and its fixture.
template <class T>
struct Compared {
  explicit Compared(const nn::TensorFile& file, const Case& row) : gram(file.get<double>(row.name + "/gram")) {
    std::vector<Array<T>> inputs;
    while (file.contains(row.name + "/x" + std::to_string(inputs.size())))
      inputs.push_back(file.get<T>(row.name + "/x" + std::to_string(inputs.size())));
    x = inputs.size() == 1 ? inputs.front() : nn::join_inputs(inputs);
    params = row.net->init<T>();
    const std::string state = row.name + "/state/";
    for (const nn::ParameterInfo& info : params.infos()) params.set(info.name, file.get<T>(state + info.name));
  }
  Array<double> gram;
  Array<T> x;
  nn::Parameters<T> params;
};

template <class T>
void check(double tolerance) {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  const nn::TensorFile file =
      nn::read_safetensors(std::filesystem::path(source ? source : ".") / "tests" / "fixtures" / "kernels.safetensors");
  std::set<std::string> there, compared;
  for (const auto& entry : file.entries()) there.insert(entry.name.substr(0, entry.name.find('/')));
  for (const Case& row : cases()) {
    compared.insert(row.name);
    const Compared<T> here(file, row);
    for (const ntk::Strategy strategy : all_strategies) BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy)) {
        const Array<double> k = ntk::kernel(*row.net, here.params, here.x, row.readout,
                                            {.strategy = strategy, .parameters = row.parameters});
        BOOST_TEST(kernel_difference(k, here.gram) < tolerance);
      }
    BOOST_TEST_CONTEXT(row.name << ", operator") {
      const ntk::Operator<T> by_sweeps(*row.net, here.params, here.x, row.readout, {.parameters = row.parameters});
      const std::size_t order = by_sweeps.columns();
      Array<double> eye = Array<double>::zeros({order, order});
      for (std::size_t i = 0; i < order; ++i) eye.mutable_data()[i * order + i] = 1;
      BOOST_TEST(kernel_difference(by_sweeps(eye), here.gram) < tolerance);
    }
  }
  BOOST_TEST(there == compared, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(torch_kernels)

BOOST_AUTO_TEST_CASE(gram_matrices_are_those_of_pytorch) { check<double>(1e-10); }

BOOST_AUTO_TEST_CASE(gram_matrices_are_those_of_pytorch_in_float) { check<float>(2e-5); }

BOOST_AUTO_TEST_SUITE_END()
