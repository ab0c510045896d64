#pragma once

#include <cstddef>

/// Kernels of normalizations: statistics of groups of elements, and one scale and shift for each channel.
namespace xtangent::kernels {

/// An array (outer, groups, inner) whose group g is [:, g, :]. Groups are channels of a batch of images or, with outer
/// = 1, contiguous runs.
struct Groups {
  std::size_t outer, groups, inner;
  std::size_t size() const { return outer * groups * inner; }
  /// The number of elements of one group.
  std::size_t count() const { return outer * inner; }
};

/// Mean and (biased) variance of a group.
struct Moments {
  double mean, variance;
};

/// out (groups) = the moments of each group; count() must not be 0.
template <class T>
void moments(const Groups& g, const T* x, Moments* out);

/// y = scale (x - mean) / sqrt(variance + epsilon) + shift with the statistics of each group. `scale` and `shift` hold
/// one number for each group; null counts as 1 and 0. `known` holds the moments; if it is null they are computed, while
/// a group is in the cache.
template <class T>
void standardize(const Groups& g, double epsilon, const Moments* known, const T* x, const T* scale, const T* shift,
                 T* y);

/// The derivative of standardize along t (repeats, outer, groups, inner), a map that is its own transpose. With s = 1 /
/// sqrt(variance + epsilon) and u = (x - mean) s it is out = scale s (t - mean(t) - u mean(t u)). Also computed for
/// each repeat r and group g: sums[r, g] = sum of t, and products[r, g] = sum of t u. Each of `out`, `sums` and
/// `products` may be null.
template <class T>
void standardize_slope(const Groups& g, double epsilon, const Moments* known, std::size_t repeats, const T* x,
                       const T* scale, const T* t, T* out, T* sums, T* products);

/// y = scale[c] x + shift[c] for each channel c, which is a group; `shift` may be null.
template <class T>
void scale_channels(const Groups& g, const T* x, const T* scale, const T* shift, T* y);

/// out[c] = the sum of t (x - center[c]) over channel c; a null `center` counts as 0.
template <class T>
void channel_products(const Groups& g, const T* t, const T* x, const T* center, T* out);

}  // namespace xtangent::kernels
