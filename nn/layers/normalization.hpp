#pragma once

#include <optional>

#include "nn/module.hpp"

/// Normalizations with PyTorch's names, layouts and defaults. A weight of 1 and a bias of 0 meet values of variance 1
/// one by one, so the standard and the NTK parameterization are the same.
namespace xtangent::nn {

struct BatchNormOptions {
  double epsilon = 1e-5;
  /// How much of a batch's statistics goes into the running ones; none: their mean over all batches.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< weight and bias
  bool track_running_stats = true;  ///< without: the batch's own statistics also in evaluation mode
};

/// What BatchNorm1d and BatchNorm2d share. Training mode: statistics of the batch, which mixes examples, and the
/// running ones move (see Recording::buffers). Evaluation mode: the running ones, a scale and shift a channel.
class BatchNorm {
 public:
  /// Throws shape_error for 0 channels, option_error for a momentum outside of [0, 1] or an epsilon below 0.
  BatchNorm(std::size_t channels, BatchNormOptions options);

  std::size_t channels() const { return channels_; }
  const BatchNormOptions& options() const { return options_; }
  void parameters(Declaration& declare) const;

 protected:
  /// x (N, channels, ...).
  template <class T>
  Var<T> normalized(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t channels_;
  BatchNormOptions options_;
};

/// x (N, channels) or (N, channels, L). weight, bias, running_mean, running_var (channels), num_batches_tracked ().
struct BatchNorm1d : Module<BatchNorm1d>, BatchNorm {
  explicit BatchNorm1d(std::size_t channels, BatchNormOptions options = {}) : BatchNorm(channels, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
};

/// x (N, channels, H, W).
struct BatchNorm2d : Module<BatchNorm2d>, BatchNorm {
  explicit BatchNorm2d(std::size_t channels, BatchNormOptions options = {}) : BatchNorm(channels, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
};

struct NormOptions {
  double epsilon = 1e-5;
  bool affine = true;  ///< weight and bias
  bool bias = true;    ///< of an affine normalization
};

/// Over the last axes, which have the extents `normalized`; weight and bias of that shape.
class LayerNorm : public Module<LayerNorm> {
 public:
  /// Throws shape_error for no axes or an extent of 0, option_error for an epsilon below 0.
  explicit LayerNorm(Shape normalized, NormOptions options = {});
  explicit LayerNorm(std::size_t features, NormOptions options = {}) : LayerNorm(Shape{features}, options) {}

  const Shape& normalized() const { return normalized_; }
  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Shape normalized_;
  NormOptions options_;
};

/// x (N, channels, ...): each example's groups of channels; weight and bias (channels).
class GroupNorm : public Module<GroupNorm> {
 public:
  /// Throws shape_error unless `groups` divides the channels, option_error for an epsilon below 0.
  GroupNorm(std::size_t groups, std::size_t channels, NormOptions options = {});

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t groups_, channels_;
  NormOptions options_;
};

}  // namespace xtangent::nn
