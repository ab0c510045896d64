#pragma once

#include <cstddef>

namespace xtangent::kernels {

/// Extents of a 2-D convolution or pooling window over images (channels, height, width).
struct ConvShape {
  std::size_t channels = 1, height = 1, width = 1;  // input
  std::size_t kernel_height = 1, kernel_width = 1;
  std::size_t stride_height = 1, stride_width = 1;
  std::size_t padding_height = 0, padding_width = 0;
  std::size_t dilation_height = 1, dilation_width = 1;
  std::size_t groups = 1;

  std::size_t out_height() const {
    return (height + 2 * padding_height - dilation_height * (kernel_height - 1) - 1) / stride_height + 1;
  }
  std::size_t out_width() const {
    return (width + 2 * padding_width - dilation_width * (kernel_width - 1) - 1) / stride_width + 1;
  }
  std::size_t positions() const { return out_height() * out_width(); }
  std::size_t taps() const { return kernel_height * kernel_width; }
  /// Rows of the patch matrix: channels * taps.
  std::size_t patch_size() const { return channels * taps(); }
  std::size_t input_size() const { return channels * height * width; }
  bool is_pointwise() const {
    return taps() == 1 && stride_height == 1 && stride_width == 1 && padding_height == 0 && padding_width == 0;
  }
};

/// The patches (channels * taps, rows * out_width) for output rows [first_row, last_row) of one image (channels,
/// height, width). Rows of the patch matrix lie `stride` elements apart; it has zeros where the window leaves the
/// image.
template <class T>
void im2col(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* image, T* patches,
            std::size_t stride);

/// The transpose of im2col: adds the patches into an image (channels, height, width).
template <class T>
void col2im_add(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* patches, std::size_t stride,
                T* image);

}  // namespace xtangent::kernels
