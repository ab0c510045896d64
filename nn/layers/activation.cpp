#include "nn/layers/activation.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/normalization.hpp"

namespace xtangent::nn {

template <class T>
Var<T> Glu::forward(Scope<T>, const Var<T>& x) const {
  const std::size_t at = resolve_axis(axis, x.rank(), "Glu"), extent = x.shape()[at], half = extent / 2;
  if (extent == 0 || extent % 2 != 0)
    throw shape_error("[Glu] got " + to_string(x.shape()) + ". Axis " + std::to_string(at) +
                      " is halved and must have an even extent.");
  const auto a = static_cast<long>(at);
  return slice(x, a, 0, half) * sigmoid(slice(x, a, half, extent));
}

Prelu::Prelu(std::size_t channels, double initial) : channels_(channels), initial_(initial) {
  if (channels == 0) throw shape_error("[Prelu] 0 channels.");
}

template <class T>
Var<T> Prelu::forward(Scope<T> p, const Var<T>& x) const {
  // At 0 the slope is that of the left side, as in PyTorch.
  const Var<T> below = minimum(x, Var<T>(Array<T>::scalar(0)), Ties::first);
  if (channels_ == 1) return relu(x) + below * p("weight");
  if (x.rank() < 2 || x.shape()[1] != channels_)
    throw shape_error("[Prelu] got " + to_string(x.shape()) + ". Expected (N, " + std::to_string(channels_) +
                      ", ...).");
  return relu(x) + scale_channels(below, p("weight"), Var<T>(), x.rank() - 2);
}

#define XTANGENT_INSTANTIATE(T)                                \
  template Var<T> Glu::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> Prelu::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
