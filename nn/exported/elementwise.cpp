// Elementwise functions and arithmetic.
#include <cmath>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

template <class F>
void add_unary(Table& table, std::initializer_list<const char*> names, F f) {
  add(table, names, [f](const auto& c) {
    auto x = c.tensor("self");
    x.value = f(x.value);
    x.kind = Kind::floating;
    return x;
  });
}

// a + alpha b, alpha a number
template <class T>
Tensor<T> sum_of(const Tensor<T>& a, Tensor<T> b, double alpha) {
  if (alpha != 1) b.value = b.value * alpha;
  return binary(a, b, [](const Var<T>& x, const Var<T>& y) { return x + y; });
}

void add_arithmetic(Table& table) {
  add(table, {"add"}, [](const auto& c) {
    const auto a = c.tensor("self"), b = c.tensor("other");
    if (a.kind == Kind::boolean && b.kind == Kind::boolean)
      return binary(a, b, [](const auto& x, const auto& y) { return maximum(x, y); });
    return sum_of(a, b, c.number("alpha", 1));
  });
  add(table, {"sub", "subtract"},
      [](const auto& c) { return sum_of(c.tensor("self"), c.tensor("other"), -c.number("alpha", 1)); });
  add(table, {"rsub"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = x.value * -c.number("alpha", 1);
    return sum_of(c.tensor("other"), x, 1);
  });
  add(table, {"mul", "multiply"}, [](const auto& c) {
    return binary(c.tensor("self"), c.tensor("other"), [](const auto& x, const auto& y) { return x * y; });
  });
  add(table, {"maximum"}, [](const auto& c) {
    return binary(c.tensor("self"), c.tensor("other"), [](const auto& x, const auto& y) { return maximum(x, y); });
  });
  add(table, {"minimum"}, [](const auto& c) {
    return binary(c.tensor("self"), c.tensor("other"), [](const auto& x, const auto& y) { return minimum(x, y); });
  });
  add(table, {"addcmul", "addcdiv"}, [](const auto& c) {
    const bool divides = c.node().op.find("addcdiv") != std::string::npos;
    auto product = binary(c.tensor("tensor1"), c.tensor("tensor2"),
                          [&](const auto& x, const auto& y) { return divides ? x / y : x * y; });
    return sum_of(c.tensor("self"), product, c.number("value", 1));
  });
  add(table, {"lerp"}, [](const auto& c) {
    const auto a = c.tensor("self");
    const auto difference = sum_of(c.tensor("end"), a, -1);
    return sum_of(a, binary(difference, c.tensor("weight"), [](const auto& x, const auto& y) { return x * y; }), 1);
  });
}

void add_powers(Table& table) {
  add(table, {"pow"}, [](const auto& c) {
    const auto base = c.tensor("self"), exponent = c.tensor("exponent");
    if (exponent.rank() == 0 && !exponent.per_example() && exponent.value.is_constant()) {
      auto y = base;
      y.value = pow(base.value, static_cast<double>(exponent.value.value().item()));
      y.kind = std::max(base.kind, exponent.kind);
      return y;
    }
    return binary(base, exponent, [](const auto& x, const auto& y) { return pow(x, y); });
  });
  // Where an element equals a bound, the derivative is that of the element.
  add(table, {"clamp", "clip", "clamp_min", "clamp_max"}, [](const auto& c) {
    auto y = c.tensor("self");
    if (const auto low = c.tensor_or_none("min"))
      y = binary(y, *low, [](const auto& a, const auto& b) { return maximum(a, b, Ties::first); });
    if (const auto high = c.tensor_or_none("max"))
      y = binary(y, *high, [](const auto& a, const auto& b) { return minimum(a, b, Ties::first); });
    return y;
  });
}

void add_activations(Table& table) {
  add(table, {"leaky_relu"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = leaky_relu(x.value, c.number("negative_slope", 0.01));
    return x;
  });
  add(table, {"elu"}, [](const auto& c) {
    if (c.number("scale", 1) != 1 || c.number("input_scale", 1) != 1) c.refuse("with a 'scale'");
    auto x = c.tensor("self");
    x.value = elu(x.value, c.number("alpha", 1));
    return x;
  });
  add(table, {"celu"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = celu(x.value, c.number("alpha", 1));
    return x;
  });
  add(table, {"gelu"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = c.text("approximate", "none") == "tanh" ? gelu_tanh(x.value) : gelu(x.value);
    return x;
  });
  add(table, {"hardtanh"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = hardtanh(x.value, c.number("min_val", -1), c.number("max_val", 1));
    return x;
  });
  add(table, {"softplus"}, [](const auto& c) {
    auto x = c.tensor("self");
    const double beta = c.number("beta", 1);
    if (c.number("threshold", 20) < 20) c.refuse("with a threshold below 20");
    x.value = beta == 1 ? softplus(x.value) : softplus(x.value * beta) / beta;
    return x;
  });
  add(table, {"prelu"}, [](const auto& c) {
    const auto x = c.tensor("self"), w = c.tensor("weight");
    // (channels,) on axis 1 of the graph, or one number
    Shape shape;
    for (std::size_t i = 0; i < x.rank(); ++i) shape.push_back(i == 1 || x.rank() == 1 ? w.value.size() : 1);
    const auto slope = reshaped(w, shape);
    return binary(x, slope, [](const auto& v, const auto& s) {
      using V = std::decay_t<decltype(v)>;
      const V zero(Array<element_of<decltype(c)>>::scalar(0));
      return relu(v) + s * minimum(v, zero, Ties::first);
    });
  });
}

}  // namespace

void add_elementwise_ops(Table& table) {
  add_unary(table, {"relu"}, [](const auto& x) { return relu(x); });
  add_unary(table, {"relu6"}, [](const auto& x) { return relu6(x); });
  add_unary(table, {"sigmoid"}, [](const auto& x) { return sigmoid(x); });
  add_unary(table, {"tanh"}, [](const auto& x) { return tanh(x); });
  add_unary(table, {"silu"}, [](const auto& x) { return silu(x); });
  add_unary(table, {"mish"}, [](const auto& x) { return mish(x); });
  add_unary(table, {"selu"}, [](const auto& x) { return selu(x); });
  add_unary(table, {"hardsigmoid"}, [](const auto& x) { return hardsigmoid(x); });
  add_unary(table, {"hardswish"}, [](const auto& x) { return hardswish(x); });
  add_unary(table, {"log_sigmoid"}, [](const auto& x) { return log_sigmoid(x); });
  add_unary(table, {"exp"}, [](const auto& x) { return exp(x); });
  add_unary(table, {"log"}, [](const auto& x) { return log(x); });
  add_unary(table, {"log1p"}, [](const auto& x) { return log1p(x); });
  add_unary(table, {"expm1"}, [](const auto& x) { return expm1(x); });
  add_unary(table, {"sqrt"}, [](const auto& x) { return sqrt(x); });
  add_unary(table, {"rsqrt"}, [](const auto& x) { return pow(x, -0.5); });
  add_unary(table, {"reciprocal"}, [](const auto& x) { return reciprocal(x); });
  add_unary(table, {"sin"}, [](const auto& x) { return sin(x); });
  add_unary(table, {"cos"}, [](const auto& x) { return cos(x); });
  add_unary(table, {"erf"}, [](const auto& x) { return erf(x); });
  add_unary(table, {"erfc"}, [](const auto& x) { return erfc(x); });
  const auto keep_kind = [&](std::initializer_list<const char*> names, auto f) {
    add(table, names, [f](const auto& c) {
      auto x = c.tensor("self");
      x.value = f(x.value);
      return x;
    });
  };
  keep_kind({"neg", "negative"}, [](const auto& x) { return -x; });
  keep_kind({"abs", "absolute"}, [](const auto& x) { return abs(x); });
  keep_kind({"square"}, [](const auto& x) { return square(x); });
  add_arithmetic(table);
  add_powers(table);
  add_activations(table);
}

}  // namespace xtangent::nn::exported
