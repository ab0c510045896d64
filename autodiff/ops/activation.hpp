#pragma once

#include "autodiff/kernels/function.hpp"
#include "autodiff/ops/arithmetic.hpp"

/// Elementwise functions of one argument; their values and slopes are in kernels/simd/functions.hpp. Cost: one pass. At
/// kinks (relu, abs, step at 0) the slope is that of the left side, and 0 for abs.
namespace xtangent {

template <class T>
Var<T> elementwise(kernels::Function function, const Var<T>& x, double parameter = 0.0);

template <class T>
Var<T> exp(const Var<T>& x) {
  return elementwise(kernels::Function::exp, x);
}
template <class T>
Var<T> log(const Var<T>& x) {
  return elementwise(kernels::Function::log, x);
}
/// exp(x) - 1, exact to rounding also for small x.
template <class T>
Var<T> expm1(const Var<T>& x) {
  return elementwise(kernels::Function::expm1, x);
}
/// log(1 + x), exact to rounding also for small x.
template <class T>
Var<T> log1p(const Var<T>& x) {
  return elementwise(kernels::Function::log1p, x);
}
template <class T>
Var<T> sqrt(const Var<T>& x) {
  return elementwise(kernels::Function::sqrt, x);
}
template <class T>
Var<T> sin(const Var<T>& x) {
  return elementwise(kernels::Function::sin, x);
}
template <class T>
Var<T> cos(const Var<T>& x) {
  return elementwise(kernels::Function::cos, x);
}
template <class T>
Var<T> tanh(const Var<T>& x) {
  return elementwise(kernels::Function::tanh, x);
}
template <class T>
Var<T> sigmoid(const Var<T>& x) {
  return elementwise(kernels::Function::sigmoid, x);
}
template <class T>
Var<T> relu(const Var<T>& x) {
  return elementwise(kernels::Function::relu, x);
}
template <class T>
Var<T> leaky_relu(const Var<T>& x, double negative_slope = 0.01) {
  return elementwise(kernels::Function::leaky_relu, x, negative_slope);
}
/// x Phi(x), exact (PyTorch's default).
template <class T>
Var<T> gelu(const Var<T>& x) {
  return elementwise(kernels::Function::gelu, x);
}
template <class T>
Var<T> silu(const Var<T>& x) {
  return elementwise(kernels::Function::silu, x);
}
template <class T>
Var<T> softplus(const Var<T>& x) {
  return elementwise(kernels::Function::softplus, x);
}
template <class T>
Var<T> elu(const Var<T>& x, double alpha = 1.0) {
  return elementwise(kernels::Function::elu, x, alpha);
}
template <class T>
Var<T> erf(const Var<T>& x) {
  return elementwise(kernels::Function::erf, x);
}
/// 1 - erf(x), without cancellation for large x.
template <class T>
Var<T> erfc(const Var<T>& x) {
  return elementwise(kernels::Function::erfc, x);
}
template <class T>
Var<T> abs(const Var<T>& x) {
  return elementwise(kernels::Function::abs, x);
}
template <class T>
Var<T> sign(const Var<T>& x) {
  return elementwise(kernels::Function::sign, x);
}
/// 1 where x > 0, else 0; its slope is 0 everywhere.
template <class T>
Var<T> step(const Var<T>& x) {
  return elementwise(kernels::Function::step, x);
}
template <class T>
Var<T> square(const Var<T>& x) {
  return elementwise(kernels::Function::square, x);
}
template <class T>
Var<T> reciprocal(const Var<T>& x) {
  return elementwise(kernels::Function::reciprocal, x);
}
/// x to the power of a number. At 0 the slope of x^0 is 0.
template <class T>
Var<T> pow(const Var<T>& x, double exponent) {
  if (exponent == 2.0) return square(x);
  if (exponent == -1.0) return reciprocal(x);
  return elementwise(kernels::Function::power, x, exponent);
}
template <class T>
Var<T> operator/(double a, const Var<T>& b) {
  return a == 1.0 ? reciprocal(b) : affine(reciprocal(b), a, 0.0);
}

// These are compositions of the functions above, with PyTorch's names and constants.

/// x clamped to [low, high], with slope 0 at both ends.
template <class T>
Var<T> hardtanh(const Var<T>& x, double low = -1.0, double high = 1.0) {
  const auto number = [](double v) { return Var<T>(Array<T>::scalar(static_cast<T>(v))); };
  return minimum(number(high), maximum(number(low), x, Ties::first), Ties::first);
}
template <class T>
Var<T> relu6(const Var<T>& x) {
  return hardtanh(x, 0.0, 6.0);
}
template <class T>
Var<T> hardsigmoid(const Var<T>& x) {
  return relu6(x + 3.0) / 6.0;
}
template <class T>
Var<T> hardswish(const Var<T>& x) {
  return x * hardsigmoid(x);
}
template <class T>
Var<T> selu(const Var<T>& x) {
  return elu(x, 1.6732632423543772) * 1.0507009873554805;
}
template <class T>
Var<T> celu(const Var<T>& x, double alpha = 1.0) {
  return elu(x / alpha) * alpha;
}
template <class T>
Var<T> mish(const Var<T>& x) {
  return x * tanh(softplus(x));
}
template <class T>
Var<T> softsign(const Var<T>& x) {
  return x / (1.0 + abs(x));
}
template <class T>
Var<T> log_sigmoid(const Var<T>& x) {
  return -softplus(-x);
}
/// The approximation of gelu that uses tanh (PyTorch: approximate="tanh").
template <class T>
Var<T> gelu_tanh(const Var<T>& x) {
  return x * 0.5 * (1.0 + tanh((x + x * square(x) * 0.044715) * 0.7978845608028654));
}

}  // namespace xtangent
