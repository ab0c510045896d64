#include "nn/layers/normalization.hpp"

#include <limits>
#include <sstream>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/ops/padding.hpp"
#include "autodiff/ops/pooling.hpp"
#include "autodiff/ops/reduction.hpp"

namespace xtangent::nn {
namespace {

void check_epsilon(const char* who, double epsilon) {
  if (epsilon >= 0.0) return;
  std::ostringstream text;
  text << "[" << who << "] epsilon " << epsilon << ". It must not be negative.";
  throw option_error(text.str());
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

InstanceNorm::InstanceNorm(std::size_t channels, InstanceNormOptions options) : channels_(channels), options_(options) {
  if (channels == 0) throw shape_error("[InstanceNorm] 0 channels.");
  if (!(options.momentum >= 0.0 && options.momentum <= 1.0))
    throw option_error("[InstanceNorm] momentum " + std::to_string(options.momentum) + ". It must lie in [0, 1].");
  check_epsilon("InstanceNorm", options.epsilon);
}

void InstanceNorm::parameters(Declaration& declare) const {
  declare_affine(declare, {channels_}, options_.affine, true);
  if (!options_.track_running_stats) return;
  declare.buffer("running_mean", {channels_}, 0.0);
  declare.buffer("running_var", {channels_}, 1.0);
  declare.buffer("num_batches_tracked", {}, 0.0);  // PyTorch has it, too, and never changes it
}

template <class T>
Var<T> InstanceNorm::normalized(Scope<T> p, const Var<T>& x) const {
  if (x.shape()[1] != channels_)
    throw shape_error("[instance_norm] got " + to_string(x.shape()) + " for " + std::to_string(channels_) +
                      " channels.");
  const Var<T> weight = own(p, "weight", options_.affine), bias = own(p, "bias", options_.affine);
  const bool tracked = options_.track_running_stats;
  if (!p.training() && tracked)
    return frozen_batch_norm(x, {p.buffer("running_mean").value(), p.buffer("running_var").value()}, weight, bias,
                             options_.epsilon);
  const Shape positions = x.shape().slice(2, x.rank());
  if (positions.size() < 2)
    throw shape_error("[instance_norm] got " + to_string(x.shape()) + ". Each channel needs more than one position.");
  if (tracked) {
    const Var<T> values = reshape(x.detached(), {x.shape()[0], channels_, positions.size()});
    const auto move = [&](const char* name, const Var<T>& of_examples) {
      const Var<T> old = p.buffer(name), batch = mean(of_examples, {0});
      p.set_buffer(name, (old * (1.0 - options_.momentum) + batch * options_.momentum).value());
    };
    move("running_mean", mean(values, {2}));
    move("running_var", variance(values, {2}, {.unbiased = true}));
  }
  return group_norm(x, channels_, weight, bias, options_.epsilon);
}

template <class T>
Var<T> InstanceNorm1d::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 3) throw shape_error("[instance_norm] got " + to_string(x.shape()) + ". Expected (N, C, L).");
  return normalized(p, x);
}

template <class T>
Var<T> InstanceNorm2d::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 4) throw shape_error("[instance_norm] got " + to_string(x.shape()) + ". Expected (N, C, H, W).");
  return normalized(p, x);
}

LocalResponseNorm::LocalResponseNorm(std::size_t size, LocalResponseNormOptions options)
    : size_(size), options_(options) {
  if (size == 0) throw shape_error("[LocalResponseNorm] a window of 0 channels.");
  if (!(options.k > 0.0) || !(options.alpha >= 0.0))
    throw option_error("[LocalResponseNorm] k " + std::to_string(options.k) + " and alpha " +
                       std::to_string(options.alpha) + ". k must be positive, and alpha at least 0.");
}

template <class T>
Var<T> LocalResponseNorm::forward(Scope<T>, const Var<T>& x) const {
  if (x.rank() < 3)
    throw shape_error("[local_response_norm] got " + to_string(x.shape()) + ". Expected (N, C, ...) with positions.");
  const std::size_t n = x.shape()[0], channels = x.shape()[1], positions = x.shape().slice(2, x.rank()).size();
  // Channels as the height of an image, so that windows of channels are a pool.
  const Var<T> squares = pad(reshape(square(x), {n, 1, channels, positions}), 2, size_ / 2, (size_ - 1) / 2);
  const Var<T> means = reshape(avg_pool2d(squares, {size_, 1}, {.stride = 1}), x.shape());
  return x * exp(log(means * options_.alpha + options_.k) * -options_.beta);
}

RmsNorm::RmsNorm(Shape normalized, RmsNormOptions options) : normalized_(std::move(normalized)), options_(options) {
  if (normalized_.rank() == 0 || normalized_.size() == 0)
    throw shape_error("[RmsNorm] nothing to normalize over: " + to_string(normalized_) + ".");
  if (options.epsilon) check_epsilon("RmsNorm", *options.epsilon);
}

void RmsNorm::parameters(Declaration& declare) const { declare_affine(declare, normalized_, options_.affine, false); }

template <class T>
Var<T> RmsNorm::forward(Scope<T> p, const Var<T>& x) const {
  const std::size_t axes = normalized_.rank();
  if (x.rank() < axes || !(x.shape().slice(x.rank() - axes, x.rank()) == normalized_))
    throw shape_error("[rms_norm] got " + to_string(x.shape()) + ". Expected the last axes " + to_string(normalized_) +
                      ".");
  std::vector<long> last;
  for (std::size_t a = 1; a <= axes; ++a) last.push_back(-static_cast<long>(a));
  const double epsilon = options_.epsilon.value_or(static_cast<double>(std::numeric_limits<T>::epsilon()));
  const Var<T> y = x / sqrt(mean(square(x), last, true) + epsilon);
  return options_.affine ? scale_channels(y, p("weight")) : y;
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

#define XTANGENT_INSTANTIATE(T)                                              \
  template Var<T> BatchNorm1d::forward(Scope<T>, const Var<T>&) const;       \
  template Var<T> BatchNorm2d::forward(Scope<T>, const Var<T>&) const;       \
  template Var<T> LayerNorm::forward(Scope<T>, const Var<T>&) const;         \
  template Var<T> InstanceNorm1d::forward(Scope<T>, const Var<T>&) const;    \
  template Var<T> InstanceNorm2d::forward(Scope<T>, const Var<T>&) const;    \
  template Var<T> LocalResponseNorm::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> RmsNorm::forward(Scope<T>, const Var<T>&) const;           \
  template Var<T> GroupNorm::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
