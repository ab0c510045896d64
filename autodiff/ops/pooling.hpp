#pragma once

#include "autodiff/op.hpp"
#include "autodiff/ops/extent.hpp"

/// Pooling over the last two axes of (..., C, H, W) or the last three of (..., C, D, H, W); all axes in front of them
/// are kept. The meaning of every option is PyTorch's. All throw shape_error: too few axes, a window, stride or
/// dilation of 0, a window that is larger than the padded input or holds nothing but padding, padding of more than half
/// a window. Cost: one pass over x, and for volumes another one over what the first leaves; derivatives the same.
namespace xtangent {

/// A stride that equals the window, so that windows lie side by side.
inline constexpr std::size_t same_as_kernel = static_cast<std::size_t>(-1);

struct PoolOptions {
  Extent2d stride = same_as_kernel;
  Extent2d padding = 0;
  bool count_include_pad = true;  ///< averages divide by the size of the window with its padding
  Extent2d dilation = 1;          ///< for the windows of a maximum; averages have none
  bool ceil_mode = false;         ///< a last window that leaves the padded input counts, if it begins inside
};

/// (..., C, H, W) to (..., C, H', W') with H' = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, with
/// ceil_mode rounded up, less 1 where the last window would begin in the padding behind.
/// The derivative goes to the first of equal elements, row by row; a NaN wins over any number; padding never wins.
template <class T>
Var<T> max_pool2d(const Var<T>& x, Extent2d kernel, PoolOptions options = {});
template <class T>
Var<T> avg_pool2d(const Var<T>& x, Extent2d kernel, PoolOptions options = {});

/// Mean over height and width: (..., C, H, W) to (..., C).
template <class T>
Var<T> global_avg_pool2d(const Var<T>& x);
/// (..., C, H, W) to (..., C, output): output row i averages rows floor(i H / h) to ceil((i + 1) H / h) - 1.
template <class T>
Var<T> adaptive_avg_pool2d(const Var<T>& x, Extent2d output);
template <class T>
Var<T> adaptive_max_pool2d(const Var<T>& x, Extent2d output);

struct Pool3dOptions {
  Extent3d stride = same_as_kernel;
  Extent3d padding = 0;
  bool count_include_pad = true;
  Extent3d dilation = 1;
  bool ceil_mode = false;
};

/// The same for volumes, (..., C, D, H, W) to (..., C, D', H', W'): the images of each depth are pooled, and then the
/// results along the depth.
template <class T>
Var<T> max_pool3d(const Var<T>& x, Extent3d kernel, Pool3dOptions options = {});
template <class T>
Var<T> avg_pool3d(const Var<T>& x, Extent3d kernel, Pool3dOptions options = {});
template <class T>
Var<T> adaptive_avg_pool3d(const Var<T>& x, Extent3d output);
template <class T>
Var<T> adaptive_max_pool3d(const Var<T>& x, Extent3d output);

/// (..., C, positions...) to (..., C): the largest element of each channel, over the last `axes` axes.
template <class T>
Var<T> global_max_pool(const Var<T>& x, std::size_t axes = 2);

}  // namespace xtangent
