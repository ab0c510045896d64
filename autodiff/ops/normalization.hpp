#pragma once

#include "autodiff/op.hpp"

/// Normalizations with PyTorch's meaning: (x - mean) / sqrt(variance + epsilon), the variance the biased one. `weight`
/// and `bias` may be undefined: 1 and 0. All throw shape_error. Cost: one pass over memory, derivatives too.
namespace xtangent {

/// scale x + shift with one scale and one shift a channel. The shape of `scale` is that of the channel axes of x, which
/// `positions` axes follow: x (N, C, H, W), scale (C), positions 2. `shift` has the shape of scale or is undefined.
template <class T>
Var<T> scale_channels(const Var<T>& x, const Var<T>& scale, const Var<T>& shift = {}, std::size_t positions = 0);

/// Over the last axes, which have the extents `normalized`; weight and bias of that shape. Throws also where
/// `normalized` has no elements.
template <class T>
Var<T> layer_norm(const Var<T>& x, const Shape& normalized, const Var<T>& weight = {}, const Var<T>& bias = {},
                  double epsilon = 1e-5);

/// x (N, C, ...): over each of `groups` groups of C / groups channels of an example; weight and bias (C).
template <class T>
Var<T> group_norm(const Var<T>& x, std::size_t groups, const Var<T>& weight = {}, const Var<T>& bias = {},
                  double epsilon = 1e-5);

/// x (N, C, ...): each channel over examples and positions, which mixes examples; weight and bias (C). What PyTorch
/// does in training mode. Throws also for channels of fewer than two elements.
template <class T>
Var<T> batch_norm(const Var<T>& x, const Var<T>& weight = {}, const Var<T>& bias = {}, double epsilon = 1e-5);

/// Mean and biased variance (C) of the channels of x (N, C, ...), as constants.
template <class T>
struct ChannelStatistics {
  Array<T> mean, variance;
};
template <class T>
ChannelStatistics<T> channel_statistics(const Var<T>& x);

/// batch_norm(x), and the statistics it used, from one pass over x.
template <class T>
struct BatchNormalized {
  Var<T> y;
  ChannelStatistics<T> statistics;
};
template <class T>
BatchNormalized<T> normalize_batch(const Var<T>& x, const Var<T>& weight = {}, const Var<T>& bias = {},
                                   double epsilon = 1e-5);

/// x (N, C, ...) with given statistics, which are constants: what PyTorch's batch norm does in evaluation mode.
template <class T>
Var<T> frozen_batch_norm(const Var<T>& x, const ChannelStatistics<T>& statistics, const Var<T>& weight = {},
                         const Var<T>& bias = {}, double epsilon = 1e-5);

}  // namespace xtangent
