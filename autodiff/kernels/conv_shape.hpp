#pragma once

#include <cstddef>

namespace xtangent::kernels {

/// Extents of a convolution over images (channels, height, width), or over volumes (channels, depth, height, width).
/// An image is a volume of depth 1.
struct ConvShape {
  std::size_t channels = 1, height = 1, width = 1;  // input
  std::size_t kernel_height = 1, kernel_width = 1;
  std::size_t stride_height = 1, stride_width = 1;
  std::size_t padding_height = 0, padding_width = 0;
  std::size_t dilation_height = 1, dilation_width = 1;
  std::size_t groups = 1;
  std::size_t depth = 1, kernel_depth = 1, stride_depth = 1, padding_depth = 0, dilation_depth = 1;

  std::size_t out_depth() const {
    return (depth + 2 * padding_depth - dilation_depth * (kernel_depth - 1) - 1) / stride_depth + 1;
  }
  std::size_t out_height() const {
    return (height + 2 * padding_height - dilation_height * (kernel_height - 1) - 1) / stride_height + 1;
  }
  std::size_t out_width() const {
    return (width + 2 * padding_width - dilation_width * (kernel_width - 1) - 1) / stride_width + 1;
  }
  /// Rows of the output, those of all its planes: number d * out_height() + h is row h of plane d.
  std::size_t out_rows() const { return out_depth() * out_height(); }
  std::size_t positions() const { return out_rows() * out_width(); }
  std::size_t taps() const { return kernel_depth * kernel_height * kernel_width; }
  /// Rows of the patch matrix: channels * taps.
  std::size_t patch_size() const { return channels * taps(); }
  /// Pixels of a channel.
  std::size_t pixels() const { return depth * height * width; }
  std::size_t input_size() const { return channels * pixels(); }
  /// Whether this is a convolution over images.
  bool is_flat() const { return depth == 1 && kernel_depth == 1 && padding_depth == 0; }
  bool is_pointwise() const {
    return taps() == 1 && stride_depth == 1 && stride_height == 1 && stride_width == 1 && padding_depth == 0 &&
           padding_height == 0 && padding_width == 0;
  }
  bool operator==(const ConvShape&) const = default;
};

}  // namespace xtangent::kernels
