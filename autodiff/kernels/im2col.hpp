#pragma once

#include <cstddef>

#include "autodiff/kernels/conv_shape.hpp"

namespace xtangent::kernels {

/// The patches (channels * taps, rows * out_width) for output rows [first_row, last_row) out of out_rows() of one image
/// (channels, depth, height, width). Rows of the patch matrix lie `stride` elements apart; it has zeros where the
/// window leaves the image.
template <class T>
void im2col(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* image, T* patches,
            std::size_t stride);

/// The transpose of im2col: adds the patches into an image (channels, depth, height, width).
template <class T>
void col2im_add(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* patches, std::size_t stride,
                T* image);

}  // namespace xtangent::kernels
