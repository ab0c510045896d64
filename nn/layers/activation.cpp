#include "nn/layers/activation.hpp"

#include "autodiff/ops/normalization.hpp"

namespace xtangent::nn {

Prelu::Prelu(std::size_t channels, double initial) : channels_(channels), initial_(initial) {
  if (channels == 0) throw shape_error("[Prelu] 0 channels.");
}

template <class T>
Var<T> Prelu::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> below = relu(-x);
  if (channels_ == 1) return relu(x) - below * p("weight");
  if (x.rank() < 2 || x.shape()[1] != channels_)
    throw shape_error("[Prelu] got " + to_string(x.shape()) + ". Expected (N, " + std::to_string(channels_) +
                      ", ...).");
  return relu(x) - scale_channels(below, p("weight"), Var<T>(), x.rank() - 2);
}

template Var<float> Prelu::forward(Scope<float>, const Var<float>&) const;
template Var<double> Prelu::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
