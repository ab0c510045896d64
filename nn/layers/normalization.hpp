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
  /// Normalizes x (N, channels, ...).
  template <class T>
  Var<T> normalized(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t channels_;
  BatchNormOptions options_;
};

/// Takes x (N, channels) or (N, channels, L). Its arrays are weight, bias, running_mean and running_var (channels,) and
/// num_batches_tracked ().
struct BatchNorm1d : Module<BatchNorm1d>, BatchNorm {
  explicit BatchNorm1d(std::size_t channels, BatchNormOptions options = {}) : BatchNorm(channels, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
};

/// Takes x (N, channels, H, W). Its arrays are the same.
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

struct InstanceNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;             ///< the weight of a batch's statistics in the running ones
  bool affine = false;               ///< whether there are weight and bias
  bool track_running_stats = false;  ///< whether evaluation mode uses running statistics, as batch norm does
};

/// The common part of InstanceNorm1d and InstanceNorm2d: normalizes each channel of each example over its positions.
/// With running statistics, training mode updates them with the means over examples (see Recording::buffers).
class InstanceNorm {
 public:
  /// Throws shape_error for 0 channels, option_error for a momentum outside of [0, 1] or an epsilon below 0.
  InstanceNorm(std::size_t channels, InstanceNormOptions options);
  void parameters(Declaration& declare) const;

 protected:
  /// Takes x (N, channels, ...). Throws shape_error for other channels, or one position without running statistics.
  template <class T>
  Var<T> normalized(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t channels_;
  InstanceNormOptions options_;
};

/// Takes x (N, channels, L). If it has arrays, they are weight, bias, running_mean and running_var (channels,), and
/// num_batches_tracked ().
struct InstanceNorm1d : Module<InstanceNorm1d>, InstanceNorm {
  explicit InstanceNorm1d(std::size_t channels, InstanceNormOptions options = {}) : InstanceNorm(channels, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
};

/// Takes x (N, channels, H, W). Its arrays are the same.
struct InstanceNorm2d : Module<InstanceNorm2d>, InstanceNorm {
  explicit InstanceNorm2d(std::size_t channels, InstanceNormOptions options = {}) : InstanceNorm(channels, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
};

struct LocalResponseNormOptions {
  double alpha = 1e-4, beta = 0.75, k = 1.0;
};

/// PyTorch's nn.LocalResponseNorm of x (N, channels, ...): each number over (k + alpha m)^beta, where m is the mean of
/// the squares of `size` neighboring channels, 0 beyond the first and the last (Krizhevsky et al. 2012). No parameters.
class LocalResponseNorm : public Module<LocalResponseNorm> {
 public:
  /// Throws shape_error for a size of 0, option_error unless k is positive and alpha is not negative.
  explicit LocalResponseNorm(std::size_t size, LocalResponseNormOptions options = {});
  /// Throws shape_error for a rank below 3.
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t size_;
  LocalResponseNormOptions options_;
};

struct RmsNormOptions {
  std::optional<double> epsilon = {};  ///< none: the machine epsilon of the element type, as in PyTorch
  bool affine = true;                  ///< whether there is a weight
};

/// PyTorch's nn.RMSNorm: x / sqrt(mean(x^2) + epsilon) over the last axes, whose extents are `normalized`, times a
/// weight of that shape (Zhang and Sennrich 2019).
class RmsNorm : public Module<RmsNorm> {
 public:
  /// Throws shape_error for no axes or an extent of 0, option_error for an epsilon below 0.
  explicit RmsNorm(Shape normalized, RmsNormOptions options = {});
  explicit RmsNorm(std::size_t features, RmsNormOptions options = {}) : RmsNorm(Shape{features}, options) {}

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Shape normalized_;
  RmsNormOptions options_;
};

/// Normalizes each of the groups of channels of each example of x (N, channels, ...); weight and bias are
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
