#include "nn/layers/squeeze_excitation.hpp"

#include <utility>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"

namespace xtangent::nn {

SqueezeExcitation::SqueezeExcitation(std::size_t channels, std::size_t squeeze, AnyModule activation,
                                     AnyModule scale_activation, WeightOptions weights)
    : fc1_(channels, squeeze, 1, {}, weights),
      fc2_(squeeze, channels, 1, {}, weights),
      activation_(std::move(activation)),
      scale_activation_(std::move(scale_activation)) {
  if (!activation_ || !scale_activation_) throw parameter_error("[SqueezeExcitation] an activation is a null pointer.");
}

void SqueezeExcitation::children(Declaration& visit) const {
  visit("fc1", fc1_);
  visit("fc2", fc2_);
  visit("activation", *activation_);
  visit("scale_activation", *scale_activation_);
}

template <class T>
Var<T> SqueezeExcitation::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 4 || x.shape()[1] != fc1_.in())
    throw shape_error("[SqueezeExcitation] got " + to_string(x.shape()) + ". Expected (N, " +
                      std::to_string(fc1_.in()) + ", H, W).");
  const Var<T> squeezed = (*activation_)(p["activation"], fc1_(p["fc1"], mean(x, {-2, -1}, true)));
  return x * (*scale_activation_)(p["scale_activation"], fc2_(p["fc2"], squeezed));
}

template Var<float> SqueezeExcitation::forward(Scope<float>, const Var<float>&) const;
template Var<double> SqueezeExcitation::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
