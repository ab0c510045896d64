#pragma once

namespace xtangent::kernels {

/// The elementwise functions of ops/activation.hpp; their values and slopes are in simd/functions.hpp.
enum class Function {
  exp,
  log,
  sqrt,
  sin,
  cos,
  tanh,
  sigmoid,
  relu,
  leaky_relu,
  gelu,
  silu,
  softplus,
  elu,
  erf,
  erfc,
  abs,
  sign,
  step,
  square,
  power,
  reciprocal,
  expm1,
  log1p
};

}  // namespace xtangent::kernels
