#include "nn/layers/normalization.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/normalization.hpp"

namespace xtangent::nn {
namespace {

void check_epsilon(const char* who, double epsilon) {
  if (!(epsilon >= 0.0)) throw option_error(std::string("[") + who + "] epsilon " + std::to_string(epsilon) + ".");
}

void declare_affine(Declaration& declare, const Shape& shape, bool affine, bool bias) {
  if (!affine) return;
  declare("weight", shape, constant(1.0));
  if (bias) declare("bias", shape, constant(0.0));
}

template <class T>
Var<T> own(Scope<T> p, const char* name, bool there) {
  return there ? p(name) : Var<T>();
}

}  // namespace

BatchNorm::BatchNorm(std::size_t channels, BatchNormOptions options) : channels_(channels), options_(options) {
  if (channels == 0) throw shape_error("[BatchNorm] 0 channels.");
  if (options.momentum && !(*options.momentum >= 0.0 && *options.momentum <= 1.0))
    throw option_error("[BatchNorm] momentum " + std::to_string(*options.momentum) + ". It must lie in [0, 1].");
  check_epsilon("BatchNorm", options.epsilon);
}

void BatchNorm::parameters(Declaration& declare) const {
  declare_affine(declare, {channels_}, options_.affine, true);
  if (!options_.track_running_stats) return;
  declare.buffer("running_mean", {channels_}, 0.0);
  declare.buffer("running_var", {channels_}, 1.0);
  declare.buffer("num_batches_tracked", {}, 0.0);
}

template <class T>
Var<T> BatchNorm::normalized(Scope<T> p, const Var<T>& x) const {
  if (x.shape()[1] != channels_)
    throw shape_error("[batch_norm] got " + to_string(x.shape()) + " for " + std::to_string(channels_) + " channels.");
  const Var<T> weight = own(p, "weight", options_.affine), bias = own(p, "bias", options_.affine);
  const bool tracked = options_.track_running_stats;
  if (!p.training() && tracked)
    return frozen_batch_norm(x, {p.buffer("running_mean").value(), p.buffer("running_var").value()}, weight, bias,
                             options_.epsilon);
  const auto [y, batch] = normalize_batch(x, weight, bias, options_.epsilon);
  if (!tracked) return y;
  const double elements = static_cast<double>(x.size() / channels_);
  const Var<T> batches = p.buffer("num_batches_tracked") + 1.0;
  const double part = options_.momentum ? *options_.momentum : 1.0 / static_cast<double>(batches.value().item());
  const auto moved = [&](const char* name, const Array<T>& value, double scale) {
    return (p.buffer(name) * (1.0 - part) + Var<T>(value) * (part * scale)).value();
  };
  p.set_buffer("running_mean", moved("running_mean", batch.mean, 1.0));
  p.set_buffer("running_var", moved("running_var", batch.variance, elements / (elements - 1.0)));
  p.set_buffer("num_batches_tracked", batches.value());
  return y;
}

template <class T>
Var<T> BatchNorm1d::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 2 && x.rank() != 3)
    throw shape_error("[batch_norm] got " + to_string(x.shape()) + ". Expected (N, C) or (N, C, L).");
  return normalized(p, x);
}

template <class T>
Var<T> BatchNorm2d::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 4) throw shape_error("[batch_norm] got " + to_string(x.shape()) + ". Expected (N, C, H, W).");
  return normalized(p, x);
}

LayerNorm::LayerNorm(Shape normalized, NormOptions options) : normalized_(std::move(normalized)), options_(options) {
  if (normalized_.rank() == 0 || normalized_.size() == 0)
    throw shape_error("[LayerNorm] nothing to normalize over: " + to_string(normalized_) + ".");
  check_epsilon("LayerNorm", options.epsilon);
}

void LayerNorm::parameters(Declaration& declare) const {
  declare_affine(declare, normalized_, options_.affine, options_.bias);
}

template <class T>
Var<T> LayerNorm::forward(Scope<T> p, const Var<T>& x) const {
  return layer_norm(x, normalized_, own(p, "weight", options_.affine), own(p, "bias", options_.affine && options_.bias),
                    options_.epsilon);
}

GroupNorm::GroupNorm(std::size_t groups, std::size_t channels, NormOptions options)
    : groups_(groups), channels_(channels), options_(options) {
  if (groups == 0 || channels == 0 || channels % groups != 0)
    throw shape_error("[GroupNorm] " + std::to_string(groups) + " groups do not divide " + std::to_string(channels) +
                      " channels.");
  check_epsilon("GroupNorm", options.epsilon);
}

void GroupNorm::parameters(Declaration& declare) const {
  declare_affine(declare, {channels_}, options_.affine, options_.bias);
}

template <class T>
Var<T> GroupNorm::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() < 2 || x.shape()[1] != channels_)
    throw shape_error("[group_norm] got " + to_string(x.shape()) + ". Expected (N, " + std::to_string(channels_) +
                      ", ...).");
  return group_norm(x, groups_, own(p, "weight", options_.affine), own(p, "bias", options_.affine && options_.bias),
                    options_.epsilon);
}

#define XTANGENT_INSTANTIATE(T)                                        \
  template Var<T> BatchNorm1d::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> BatchNorm2d::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> LayerNorm::forward(Scope<T>, const Var<T>&) const;   \
  template Var<T> GroupNorm::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
