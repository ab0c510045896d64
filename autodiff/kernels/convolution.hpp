#pragma once

#include <cstddef>

#include "autodiff/kernels/conv_shape.hpp"

/// Convolutions over contiguous images (count, channels, height, width) or volumes (count, channels, depth, height,
/// width), in parallel over them. The shapes decide between minimal filtering (winograd.hpp) and direct loops
/// (direct_convolution.hpp), both for images only, and im2col with BLAS. Weights are (out_channels, channels / groups,
/// taps), the taps in the order of the axes. `bias` (out_channels) may be null.
namespace xtangent::kernels {

/// out (count, out_channels, positions)
template <class T>
void conv2d(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* weight,
            const T* bias, T* out);

/// images (count, channels, pixels) from cotangents (count, out_channels, positions)
template <class T>
void conv2d_input(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* cotangent, const T* weight,
                  T* images);

/// weight (out_channels, channels / groups, taps), summed over images. The order of the sum depends on shapes alone.
template <class T>
void conv2d_weight(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* cotangent,
                   T* weight);

/// The number of elements that conv2d_weight_one holds while it runs.
template <class T>
std::size_t conv2d_weight_one_room(const ConvShape& s, std::size_t out_channels);

/// The weight gradients of one image for `probes` cotangents: gradients[k] (out_channels, channels / groups * taps)
/// from cotangent[k] (out_channels, positions). The strides are the distances between cotangents, and between
/// gradients, of successive probes.
template <class T>
void conv2d_weight_one(const ConvShape& s, std::size_t probes, std::size_t out_channels, const T* image,
                       const T* cotangent, std::size_t cotangent_stride, T* gradients, std::size_t gradient_stride);

}  // namespace xtangent::kernels
