#pragma once

#include "autodiff/op.hpp"
#include "autodiff/ops/extent.hpp"

/// PyTorch's transposed convolutions, which are the transposes of convolutions in their input. All throw shape_error.
namespace xtangent {

struct ConvTranspose2dOptions {
  Extent2d stride = 1;
  Extent2d padding = 0;         ///< in the convolution that is transposed: rows and columns that the result lacks
  Extent2d output_padding = 0;  ///< more rows and columns of the result at its end, fewer than the stride
  Extent2d dilation = 1;
  std::size_t groups = 1;
};

/// x (..., I, H, W), w (I, C / groups, KH, KW), b (C) or undefined -> (..., C, OH, OW) with OH = (H - 1) stride - 2
/// padding + dilation (KH - 1) + output_padding + 1. Gradients of examples are sums of outer products, for one group.
/// Cost: 2 I H W (C / groups) KH KW FLOP for each image.
template <class T>
Var<T> conv_transpose2d(const Var<T>& x, const Var<T>& w, const Var<T>& b = {}, ConvTranspose2dOptions options = {});

struct ConvTranspose1dOptions {
  std::size_t stride = 1;
  std::size_t padding = 0;
  std::size_t output_padding = 0;
  std::size_t dilation = 1;
  std::size_t groups = 1;
};

/// x (..., I, L), w (I, C / groups, KL), b (C) or undefined -> (..., C, OL): conv_transpose2d on images of height 1.
template <class T>
Var<T> conv_transpose1d(const Var<T>& x, const Var<T>& w, const Var<T>& b = {}, ConvTranspose1dOptions options = {});

}  // namespace xtangent
