#pragma once

// The elementwise functions: value and slope, each written once.
//
// `value` runs on numbers and on xsimd batches. `slope` (the derivative, given x and y = value(x)) also runs on Var, so
// that a recorded sweep can be differentiated again: it uses only operators and functions that Var has too.
// A new function is a struct and a line in `with_function` here, a line in kernels/function.hpp and one in
// ops/activation.hpp.

#include <cmath>
#include <numbers>

#include "autodiff/kernels/function.hpp"

namespace xtangent::kernels {

namespace functions {

// These are for numbers. For batches and for Var, lookup by argument finds the same names in xsimd and in xtangent.
using std::abs, std::cos, std::erf, std::erfc, std::exp, std::expm1, std::log, std::log1p, std::pow, std::sin,
    std::sqrt, std::tanh;
template <class T>
requires std::is_floating_point_v<T> T single_expm1(T x) { return std::expm1(x); }
template <class T>
requires std::is_floating_point_v<T> T single_log1p(T x) { return std::log1p(x); }
template <class T>
requires std::is_floating_point_v<T> T where_positive(T x, T yes, T no) { return x > T(0) ? yes : no; }
template <class T>
requires std::is_floating_point_v<T> T step(T x) { return x > T(0) ? T(1) : T(0); }
template <class T>
requires std::is_floating_point_v<T> T sign(T x) { return x > T(0) ? T(1) : x < T(0) ? T(-1) : T(0) * x; }
template <class T>
requires std::is_floating_point_v<T> T positive_part(T x) { return x < T(0) ? T(0) : x; }
template <class T>
requires std::is_floating_point_v<T> T sigmoid(T x) {
  return where_positive(x, T(1), std::exp(-std::abs(x))) / (T(1) + std::exp(-std::abs(x)));
}

struct Exp {
  static constexpr const char* name = "exp";
  template <class V>
  V value(const V& x) const {
    return exp(x);
  }
  template <class V>
  V slope(const V&, const V& y) const {
    return y;
  }
};
struct Log {
  static constexpr const char* name = "log";
  template <class V>
  V value(const V& x) const {
    return log(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return 1.0 / x;
  }
};
struct Expm1 {
  static constexpr const char* name = "expm1";
  template <class V>
  V value(const V& x) const {
    return single_expm1(x);
  }
  template <class V>
  V slope(const V&, const V& y) const {
    return y + 1.0;
  }
};
struct Log1p {
  static constexpr const char* name = "log1p";
  template <class V>
  V value(const V& x) const {
    return single_log1p(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return 1.0 / (x + 1.0);
  }
};
struct Sqrt {
  static constexpr const char* name = "sqrt";
  template <class V>
  V value(const V& x) const {
    return sqrt(x);
  }
  template <class V>
  V slope(const V&, const V& y) const {
    return 0.5 / y;
  }
};
struct Sin {
  static constexpr const char* name = "sin";
  template <class V>
  V value(const V& x) const {
    return sin(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return cos(x);
  }
};
struct Cos {
  static constexpr const char* name = "cos";
  template <class V>
  V value(const V& x) const {
    return cos(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return -sin(x);
  }
};
struct Tanh {
  static constexpr const char* name = "tanh";
  template <class V>
  V value(const V& x) const {
    return tanh(x);
  }
  template <class V>
  V slope(const V&, const V& y) const {
    return 1.0 - y * y;
  }
};
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  template <class V>
  V value(const V& x) const {
    return sigmoid(x);
  }
  template <class V>
  V slope(const V&, const V& y) const {
    return y * (1.0 - y);
  }
};
struct Relu {
  static constexpr const char* name = "relu";
  template <class V>
  V value(const V& x) const {
    return positive_part(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return step(x);
  }
};
struct LeakyRelu {
  static constexpr const char* name = "leaky_relu";
  double negative_slope;
  template <class V>
  V value(const V& x) const {
    return where_positive(x, x, x * negative_slope);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return negative_slope + step(x) * (1.0 - negative_slope);
  }
};
struct Gelu {
  static constexpr const char* name = "gelu";
  template <class V>
  V cdf(const V& x) const {
    return erfc(x * (-1.0 / std::numbers::sqrt2)) * 0.5;
  }
  template <class V>
  V value(const V& x) const {
    return x * cdf(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return cdf(x) + x * exp(x * x * -0.5) * (0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2);
  }
};
struct Silu {
  static constexpr const char* name = "silu";
  template <class V>
  V value(const V& x) const {
    return x * sigmoid(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    const V s = sigmoid(x);
    return s + s * x * (1.0 - s);
  }
};
struct Softplus {
  static constexpr const char* name = "softplus";
  template <class V>
  V value(const V& x) const {
    return positive_part(x) + log1p(exp(-abs(x)));
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return sigmoid(x);
  }
};
struct Elu {
  static constexpr const char* name = "elu";
  double alpha;
  template <class V>
  V value(const V& x) const {
    return where_positive(x, x, expm1(where_positive(x, x * V(0), x)) * alpha);
  }
  template <class V>
  V slope(const V& x, const V& y) const {  // y + alpha on the left of 0
    return step(x) + (1.0 - step(x)) * (y + alpha);
  }
};
struct Erf {
  static constexpr const char* name = "erf";
  template <class V>
  V value(const V& x) const {
    return erf(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return exp(-x * x) * (2.0 * std::numbers::inv_sqrtpi);
  }
};
struct Erfc {
  static constexpr const char* name = "erfc";
  template <class V>
  V value(const V& x) const {
    return erfc(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return exp(-x * x) * (-2.0 * std::numbers::inv_sqrtpi);
  }
};
struct Abs {
  static constexpr const char* name = "abs";
  template <class V>
  V value(const V& x) const {
    return abs(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return sign(x);
  }
};
struct Sign {
  static constexpr const char* name = "sign";
  template <class V>
  V value(const V& x) const {
    return sign(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return step(x) * 0.0;
  }
};
struct Step {
  static constexpr const char* name = "step";
  template <class V>
  V value(const V& x) const {
    return step(x);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return step(x) * 0.0;
  }
};
struct Square {
  static constexpr const char* name = "square";
  template <class V>
  V value(const V& x) const {
    return x * x;
  }
  template <class V>
  V slope(const V& x, const V&) const {
    return x * 2.0;
  }
};
struct Power {
  static constexpr const char* name = "pow";
  double exponent;
  template <class V>
  V value(const V& x) const {
    return pow(x, exponent);
  }
  template <class V>
  V slope(const V& x, const V&) const {
    if (exponent == 0.0) return x * 0.0;
    return exponent * pow(x, exponent - 1.0);
  }
};
struct Reciprocal {
  static constexpr const char* name = "reciprocal";
  template <class V>
  V value(const V& x) const {
    return 1.0 / x;
  }
  template <class V>
  V slope(const V&, const V& y) const {
    return -y * y;
  }
};

}  // namespace functions

/// Calls visit with the struct of a function.
template <class Visitor>
decltype(auto) with_function(Function function, double parameter, Visitor&& visit) {
  using namespace functions;
  switch (function) {
    case Function::exp:
      return visit(Exp{});
    case Function::log:
      return visit(Log{});
    case Function::expm1:
      return visit(Expm1{});
    case Function::log1p:
      return visit(Log1p{});
    case Function::sqrt:
      return visit(Sqrt{});
    case Function::sin:
      return visit(Sin{});
    case Function::cos:
      return visit(Cos{});
    case Function::tanh:
      return visit(Tanh{});
    case Function::sigmoid:
      return visit(Sigmoid{});
    case Function::relu:
      return visit(Relu{});
    case Function::leaky_relu:
      return visit(LeakyRelu{parameter});
    case Function::gelu:
      return visit(Gelu{});
    case Function::silu:
      return visit(Silu{});
    case Function::softplus:
      return visit(Softplus{});
    case Function::elu:
      return visit(Elu{parameter});
    case Function::erf:
      return visit(Erf{});
    case Function::erfc:
      return visit(Erfc{});
    case Function::abs:
      return visit(Abs{});
    case Function::sign:
      return visit(Sign{});
    case Function::step:
      return visit(Step{});
    case Function::square:
      return visit(Square{});
    case Function::power:
      return visit(Power{parameter});
    case Function::reciprocal:
      break;
  }
  return visit(Reciprocal{});
}

}  // namespace xtangent::kernels
