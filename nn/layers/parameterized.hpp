#pragma once

#include <cmath>

#include "autodiff/ops/arithmetic.hpp"
#include "nn/scope.hpp"

namespace xtangent::nn {

/// The layer f with weight w and bias b in the parameterization of the options. In the NTK parameterization
/// activations are scaled, not weights, so per-example gradients keep their form:
/// sigma_w / sqrt(fan_in) f(x, w) + sigma_b b = sigma_b f(x sigma_w / (sigma_b sqrt(fan_in)), w, b).
template <class T, class Layer>
Var<T> parameterized(const WeightOptions& options, std::size_t fan_in, Scope<T> p, const Var<T>& x, Layer&& f) {
  const bool bias = has_bias(options);
  if (options.parameterization == Parameterization::standard) return f(x, p("weight"), bias ? p("bias") : Var<T>());
  const double scale = options.sigma_w / std::sqrt(static_cast<double>(fan_in));
  if (!bias) return f(x * scale, p("weight"), Var<T>());
  const Var<T> y = f(x * (scale / options.sigma_b), p("weight"), p("bias"));
  return options.sigma_b == 1.0 ? y : y * options.sigma_b;
}

}  // namespace xtangent::nn
