#pragma once

#include "autodiff/op.hpp"
#include "autodiff/ops/extent.hpp"

/// Images in other sizes. The last two axes are height and width; all axes in front of them are kept. All throw
/// shape_error.
namespace xtangent {

enum class Interpolation { nearest, bilinear };

struct InterpolateOptions {
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;  ///< bilinear: corners of the image stay corners, instead of edges
  /// Pixels of the result for one pixel of x, where it is not the ratio of the extents (PyTorch's scale_factor); 0: it
  /// is that ratio.
  double scale = 0.0;
};

/// PyTorch's interpolate: (..., H, W) to (..., size). Cost: nearest copies; bilinear is a product with a matrix for
/// each axis.
template <class T>
Var<T> interpolate(const Var<T>& x, Extent2d size, InterpolateOptions options = {});

/// (..., C factor^2, H, W) to (..., C, H factor, W factor): each pixel becomes a square of pixels, from its channels.
template <class T>
Var<T> pixel_shuffle(const Var<T>& x, std::size_t factor);

}  // namespace xtangent
