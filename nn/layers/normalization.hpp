#pragma once

#include <optional>

#include "nn/module.hpp"

/// Normalizations with PyTorch's names, layouts and defaults. Weights (initially 1) and biases (initially 0) act on
/// single values of variance 1, so the standard and the NTK parameterization are the same.
namespace xtangent::nn {

struct BatchNormOptions {
  double epsilon = 1e-5;
  /// The weight of a batch's statistics in the running ones; none: the running ones are the mean over all batches.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< whether there are weight and bias
  bool track_running_stats = true;  ///< if false, evaluation mode uses the batch's own statistics, too
};

/// The common part of BatchNorm1d and BatchNorm2d. Training mode uses the statistics of the batch, which mixes
/// examples, and updates the running ones (see Recording::buffers). Evaluation mode uses the running ones, as a scale
/// and a shift for each channel.
class BatchNorm {
 public:
  /// Throws shape_error for 0 channels, option_error for a momentum outside of [0, 1] or an epsilon below 0.
  BatchNorm(std::size_t channels, BatchNormOptions options);

  std::size_t channels() const { return channels_; }
  const BatchNormOptions& options() const { return options_; }
  void parameters(Declaration& declare) const;

 protected:
  /// For x (N, channels, ...).
  template <class T>
  Var<T> normalized(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t channels_;
  BatchNormOptions options_;
};

/// For x (N, channels) or (N, channels, L). Its arrays are weight, bias, running_mean and running_var (channels,), and
/// num_batches_tracked ().
struct BatchNorm1d : Module<BatchNorm1d>, BatchNorm {
  explicit BatchNorm1d(std::size_t channels, BatchNormOptions options = {}) : BatchNorm(channels, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
};

/// For x (N, channels, H, W), with the same arrays.
struct BatchNorm2d : Module<BatchNorm2d>, BatchNorm {
  explicit BatchNorm2d(std::size_t channels, BatchNormOptions options = {}) : BatchNorm(channels, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
};

struct NormOptions {
  double epsilon = 1e-5;
  bool affine = true;  ///< whether there are weight and bias
  bool bias = true;    ///< whether an affine normalization has a bias
};

/// Normalizes over the last axes, whose extents are `normalized`; weight and bias have that shape.
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

/// For x (N, channels, ...): normalizes each of the groups of channels of each example; weight and bias are
/// (channels,).
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
