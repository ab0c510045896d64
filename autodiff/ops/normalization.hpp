#pragma once

#include "autodiff/op.hpp"

/// Normalizations with PyTorch's meaning: (x - mean) / sqrt(variance + epsilon) with the biased variance, times
/// `weight` plus `bias`. An undefined weight counts as 1, an undefined bias as 0. All throw shape_error. Cost: one pass
/// over memory, and the same for derivatives.
namespace xtangent {

/// scale x + shift with one scale and one shift for each channel. The shape of `scale` is that of the channel axes of
/// x, which are followed by `positions` more axes: for x (N, C, H, W) and scale (C), positions is 2. `shift` has the
/// shape of `scale` or is undefined.
template <class T>
Var<T> scale_channels(const Var<T>& x, const Var<T>& scale, const Var<T>& shift = {}, std::size_t positions = 0);

/// Normalizes over the last axes, whose extents are `normalized`; weight and bias have that shape. Also throws where
/// `normalized` has no elements.
template <class T>
Var<T> layer_norm(const Var<T>& x, const Shape& normalized, const Var<T>& weight = {}, const Var<T>& bias = {},
                  double epsilon = 1e-5);

/// For x (N, C, ...): normalizes each example over each of `groups` groups of C / groups channels. Weight and bias are
/// (C).
template <class T>
Var<T> group_norm(const Var<T>& x, std::size_t groups, const Var<T>& weight = {}, const Var<T>& bias = {},
                  double epsilon = 1e-5);

/// For x (N, C, ...): normalizes each channel over examples and positions, as PyTorch does in training mode. This mixes
/// examples. Weight and bias are (C). Also throws for channels of fewer than two elements.
template <class T>
Var<T> batch_norm(const Var<T>& x, const Var<T>& weight = {}, const Var<T>& bias = {}, double epsilon = 1e-5);

/// Mean and biased variance (C) of the channels of x (N, C, ...), as constants.
template <class T>
struct ChannelStatistics {
  Array<T> mean, variance;
};
template <class T>
ChannelStatistics<T> channel_statistics(const Var<T>& x);

/// batch_norm(x) and the statistics that it used, from one pass over x.
template <class T>
struct BatchNormalized {
  Var<T> y;
  ChannelStatistics<T> statistics;
};
template <class T>
BatchNormalized<T> normalize_batch(const Var<T>& x, const Var<T>& weight = {}, const Var<T>& bias = {},
                                   double epsilon = 1e-5);

/// For x (N, C, ...): normalizes with given statistics, which are constants, as PyTorch's batch norm does in evaluation
/// mode.
template <class T>
Var<T> frozen_batch_norm(const Var<T>& x, const ChannelStatistics<T>& statistics, const Var<T>& weight = {},
                         const Var<T>& bias = {}, double epsilon = 1e-5);

}  // namespace xtangent
