// Compares ops with PyTorch's: values, and cotangents of all arguments. tests/fixtures/operations.py has the same
// table.
#include <functional>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/rearranging.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/safetensors.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

using V = Var<double>;
using Function = std::function<V(Vars<double>)>;

V weighted(std::vector<V> pieces, long axis) {
  for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i] = pieces[i] * static_cast<double>(i + 1);
  return concatenate(pieces, axis);
}

const std::vector<std::pair<std::string, Function>> operations = {
    {"where", [](auto x) { return where(step(x[0]), x[1], x[2]); }},
    {"masked_fill", [](auto x) { return masked_fill(x[0], step(x[1]), -1.5); }},
    {"clamp", [](auto x) { return clamp(x[0], -1.0, 1.0); }},
    {"clamp_arrays", [](auto x) { return clamp(x[0], x[1], x[2]); }},
    {"pow_number", [](auto x) { return pow(x[0], 2.5); }},
    {"pow_whole", [](auto x) { return pow(x[0], 3.0); }},
    {"pow_zero", [](auto x) { return pow(x[0], 0.0); }},
    {"pow", [](auto x) { return pow(x[0], x[1]); }},
    {"pow_of_zero", [](auto x) { return pow(x[0] * 0.0, x[1]); }},
    {"stack", [](auto x) { return stack(x); }},
    {"stack_last", [](auto x) { return stack(x, -1); }},
    {"split", [](auto x) { return weighted(split(x[0], 2, 1), 1); }},
    {"split_sizes",
     [](auto x) {
       return weighted(split(x[0], std::vector<std::size_t>{1, 3}), 0);
     }},
    {"chunk", [](auto x) { return weighted(chunk(x[0], 4, -1), -1); }},
    {"flip",
     [](auto x) {
       return flip(x[0], {0, -1});
     }},
    {"roll", [](auto x) { return roll(x[0], 2, 1); }},
    {"roll_back", [](auto x) { return roll(x[0], -7, 0); }},
    {"cumsum", [](auto x) { return cumsum(x[0], 1); }},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(torch_operations)

BOOST_AUTO_TEST_CASE(values_and_cotangents) {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  const TensorFile file =
      read_safetensors(std::filesystem::path(source ? source : ".") / "tests/fixtures/operations.safetensors");
  for (const auto& [name, f] : operations) BOOST_TEST_CONTEXT(name) {
      const auto stored = [&file, at = name](const std::string& key) { return file.get<double>(at + "/" + key); };
      Tape<double> tape;
      std::vector<V> x;
      for (std::size_t i = 0; file.contains(name + "/x" + std::to_string(i)); ++i)
        x.push_back(tape.variable(stored(std::string("x").append(std::to_string(i)))));
      BOOST_TEST(!x.empty());
      const V y = f(x);
      BOOST_TEST(difference(y.value(), stored("y")) < 1e-13);
      const std::vector<V> bars = pullback<double>(y, V(stored("w")), x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::string key = std::string("bar").append(std::to_string(i));
        const Array<double> none = Array<double>::zeros(x[i].shape());
        BOOST_TEST(difference(bars[i].defined() ? bars[i].value() : none,
                              file.contains(name + "/" + key) ? stored(key) : none) < 1e-12);
      }
    }
}

BOOST_AUTO_TEST_SUITE_END()
