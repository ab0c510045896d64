#pragma once

#include "autodiff/kernels/functions.hpp"
#include "autodiff/ops/arithmetic.hpp"

/// Elementwise functions of one argument; values and slopes are in kernels/functions.hpp.
/// Cost: one pass. At kinks (relu, abs, step at 0) the slope is that of the left side, 0 for abs.
namespace xtangent {

template <class T> Var<T> elementwise(kernels::Function function, const Var<T>& x, double parameter = 0.0);

template <class T> Var<T> exp(const Var<T>& x) { return elementwise(kernels::Function::exp, x); }
template <class T> Var<T> log(const Var<T>& x) { return elementwise(kernels::Function::log, x); }
template <class T> Var<T> sqrt(const Var<T>& x) { return elementwise(kernels::Function::sqrt, x); }
template <class T> Var<T> sin(const Var<T>& x) { return elementwise(kernels::Function::sin, x); }
template <class T> Var<T> cos(const Var<T>& x) { return elementwise(kernels::Function::cos, x); }
template <class T> Var<T> tanh(const Var<T>& x) { return elementwise(kernels::Function::tanh, x); }
template <class T> Var<T> sigmoid(const Var<T>& x) { return elementwise(kernels::Function::sigmoid, x); }
template <class T> Var<T> relu(const Var<T>& x) { return elementwise(kernels::Function::relu, x); }
template <class T> Var<T> leaky_relu(const Var<T>& x, double negative_slope = 0.01) { return elementwise(kernels::Function::leaky_relu, x, negative_slope); }
/// x Phi(x), exact (PyTorch's default).
template <class T> Var<T> gelu(const Var<T>& x) { return elementwise(kernels::Function::gelu, x); }
template <class T> Var<T> silu(const Var<T>& x) { return elementwise(kernels::Function::silu, x); }
template <class T> Var<T> softplus(const Var<T>& x) { return elementwise(kernels::Function::softplus, x); }
template <class T> Var<T> elu(const Var<T>& x, double alpha = 1.0) { return elementwise(kernels::Function::elu, x, alpha); }
template <class T> Var<T> erf(const Var<T>& x) { return elementwise(kernels::Function::erf, x); }
/// 1 - erf(x), without cancellation for large x.
template <class T> Var<T> erfc(const Var<T>& x) { return elementwise(kernels::Function::erfc, x); }
template <class T> Var<T> abs(const Var<T>& x) { return elementwise(kernels::Function::abs, x); }
template <class T> Var<T> sign(const Var<T>& x) { return elementwise(kernels::Function::sign, x); }
/// 1 where x > 0, else 0; its slope is 0 everywhere.
template <class T> Var<T> step(const Var<T>& x) { return elementwise(kernels::Function::step, x); }
template <class T> Var<T> square(const Var<T>& x) { return elementwise(kernels::Function::square, x); }
template <class T> Var<T> reciprocal(const Var<T>& x) { return elementwise(kernels::Function::reciprocal, x); }
template <class T> Var<T> operator/(double a, const Var<T>& b) { return a == 1.0 ? reciprocal(b) : affine(reciprocal(b), a, 0.0); }

}  // namespace xtangent
