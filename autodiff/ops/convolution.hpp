#pragma once

#include "autodiff/op.hpp"
#include "autodiff/ops/extent.hpp"
#include "autodiff/ops/padding.hpp"

/// Convolutions in PyTorch's sense (cross-correlation). All throw shape_error.
namespace xtangent {

/// A padding for stride 1 with which the output is as large as the input, PyTorch's "same". Where one side needs an
/// entry more, it is the right one.
inline constexpr std::size_t same_padding = static_cast<std::size_t>(-1);

template <class Extent>
struct ConvOptions {
  Extent stride = 1;
  Extent padding = 0;  ///< on both sides
  Extent dilation = 1;
  std::size_t groups = 1;
  PadMode padding_mode = PadMode::zeros;
};
using Conv1dOptions = ConvOptions<std::size_t>;
using Conv2dOptions = ConvOptions<Extent2d>;
using Conv3dOptions = ConvOptions<Extent3d>;

/// x (..., I, H, W), w (C, I / groups, KH, KW), b (C) or undefined -> (..., C, OH, OW). Cost: 2 C OH OW (I / groups) KH
/// KW FLOP for each image. Memory: at most one patch matrix for each thread, besides the result, and a padded copy of x
/// for padding other than zeros on both sides.
template <class T>
Var<T> conv2d(const Var<T>& x, const Var<T>& w, const Var<T>& b = {}, Conv2dOptions options = {});

/// The transpose of conv2d in x: from a cotangent (..., C, OH, OW) and w to images (..., I, height, width). For padding
/// with zeros on both sides.
template <class T>
Var<T> conv2d_input(const Var<T>& ybar, const Var<T>& w, std::size_t height, std::size_t width,
                    Conv2dOptions options = {});

/// The transpose of conv2d in w, summed over images: (C, I / groups, KH, KW) from x (..., I, H, W) and ybar (..., C,
/// OH, OW) with the same `image_axes` leading axes. One more axis in front of either of them, or of both, is a probe
/// axis, and the result is (K, C, I / groups, KH, KW). For padding with zeros on both sides.
template <class T>
Var<T> conv2d_weight(const Var<T>& x, const Var<T>& ybar, std::size_t image_axes, std::size_t kernel_height,
                     std::size_t kernel_width, Conv2dOptions options = {});

/// x (..., I, L), w (C, I / groups, KL), b (C) or undefined -> (..., C, OL): conv2d on images of height 1.
template <class T>
Var<T> conv1d(const Var<T>& x, const Var<T>& w, const Var<T>& b = {}, Conv1dOptions options = {});

/// x (..., I, D, H, W), w (C, I / groups, KD, KH, KW), b (C) or undefined -> (..., C, OD, OH, OW). Cost and memory are
/// those of conv2d, with one more factor for the depth.
template <class T>
Var<T> conv3d(const Var<T>& x, const Var<T>& w, const Var<T>& b = {}, Conv3dOptions options = {});

/// The transpose of conv3d in x, as conv2d_input: to volumes (..., I, extents).
template <class T>
Var<T> conv3d_input(const Var<T>& ybar, const Var<T>& w, Extent3d extents, Conv3dOptions options = {});

/// The transpose of conv3d in w, as conv2d_weight: (C, I / groups, kernel).
template <class T>
Var<T> conv3d_weight(const Var<T>& x, const Var<T>& ybar, std::size_t image_axes, Extent3d kernel,
                     Conv3dOptions options = {});

}  // namespace xtangent
