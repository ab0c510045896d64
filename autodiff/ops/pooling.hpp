#pragma once

#include "autodiff/op.hpp"
#include "autodiff/ops/extent.hpp"

/// Pooling over the last two axes of (..., C, H, W); all axes in front of them are kept. The meaning of every option is
/// PyTorch's. All throw shape_error: fewer than three axes, a window or stride of 0, a window larger than the padded
/// input, padding of more than half a window. Cost: one pass over x; derivatives the same.
namespace xtangent {

/// A stride that equals the window, so that windows lie side by side.
inline constexpr Extent2d same_as_kernel{static_cast<std::size_t>(-1)};

struct PoolOptions {
  Extent2d stride = same_as_kernel;
  Extent2d padding = 0;
  bool count_include_pad = true;  ///< averages divide by the size of the full window, also at the border
};

/// (..., C, H, W) to (..., C, H', W') with H' = floor((H + 2 padding - kernel) / stride) + 1.
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

/// (..., C, positions...) to (..., C): the largest element of each channel, over the last `axes` axes.
template <class T>
Var<T> global_max_pool(const Var<T>& x, std::size_t axes = 2);

}  // namespace xtangent
