#pragma once

#include <cstddef>

/// Kernels of normalizations: statistics of groups of elements, and one scale and shift a channel.
namespace xtangent::kernels {

/// An array (outer, groups, inner) whose group g is [:, g, :]: channels of a batch of images, or, with outer = 1, runs.
struct Groups {
  std::size_t outer, groups, inner;
  std::size_t size() const { return outer * groups * inner; }
  /// Elements of one group.
  std::size_t count() const { return outer * inner; }
};

/// Mean and (biased) variance of a group.
struct Moments {
  double mean, variance;
};

/// Those of each group; count() > 0.
template <class T>
void moments(const Groups& g, const T* x, Moments* out);

/// y = scale (x - mean) / sqrt(variance + epsilon) + shift, the statistics those of the group. `scale` and `shift` hold
/// one number a group, or are null: 1 and 0. `known` holds the moments, or is null: they are computed, while a group
/// stays in the cache.
template <class T>
void standardize(const Groups& g, double epsilon, const Moments* known, const T* x, const T* scale, const T* shift,
                 T* y);

/// The derivative of standardize along t (repeats, outer, groups, inner), which is its own transpose. With
/// u = (x - mean) r, r = 1 / sqrt(variance + epsilon): out = scale r (t - mean(t) - u mean(t u)), and, of each group,
/// sums[r, g] = sum t, products[r, g] = sum t u. Each of `out`, `sums`, `products` may be null.
template <class T>
void standardize_slope(const Groups& g, double epsilon, const Moments* known, std::size_t repeats, const T* x,
                       const T* scale, const T* t, T* out, T* sums, T* products);

/// y = scale[c] x + shift[c] with the groups as channels; `shift` may be null.
template <class T>
void scale_channels(const Groups& g, const T* x, const T* scale, const T* shift, T* y);

/// out[c] = sum of t (x - center[c]) over the channel; `center` may be null: 0.
template <class T>
void channel_products(const Groups& g, const T* t, const T* x, const T* center, T* out);

}  // namespace xtangent::kernels
