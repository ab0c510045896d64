#pragma once

#include <cmath>

#include "autodiff/ops/arithmetic.hpp"
#include "nn/scope.hpp"

namespace xtangent::nn {

/// Runs a layer f(x, w, b) in the parameterization of the options; b is undefined for no bias. The NTK parameterization
/// scales activations and not weights, so per-example gradients keep their factored form: sigma_w / sqrt(fan_in) f(x,
/// w) + sigma_b b = sigma_b f(x sigma_w / (sigma_b sqrt(fan_in)), w, b).
template <class T, class Layer>
Var<T> parameterized(const WeightOptions& options, std::size_t fan_in, const Var<T>& x, const Var<T>& w,
                     const Var<T>& b, Layer&& f) {
  if (options.parameterization == Parameterization::standard) return f(x, w, b);
  const double scale = options.sigma_w / std::sqrt(static_cast<double>(fan_in));
  if (!b.defined()) return f(x * scale, w, b);
  const Var<T> y = f(x * (scale / options.sigma_b), w, b);
  return options.sigma_b == 1.0 ? y : y * options.sigma_b;
}

/// The same with the parameters "weight" and "bias" of the scope.
template <class T, class Layer>
Var<T> parameterized(const WeightOptions& options, std::size_t fan_in, Scope<T> p, const Var<T>& x, Layer&& f) {
  return parameterized(options, fan_in, x, p("weight"), has_bias(options) ? p("bias") : Var<T>(), f);
}

}  // namespace xtangent::nn
