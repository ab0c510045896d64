#pragma once

#include "autodiff/kernels/conv_shape.hpp"

/// The convolutions of convolution.hpp with 3 x 3 kernels and stride 1 by minimal filtering, on Winograd tiles of 2 x 2
/// outputs (simd/winograd_transforms.hpp). They take less than half the products of a direct convolution and have about
/// twice its rounding error.
namespace xtangent::kernels {

/// Whether minimal filtering is worth its transforms for `count` images. The weights are transformed in each call.
bool winograd_fits(const ConvShape& s, std::size_t count, std::size_t out_channels);

template <class T>
void winograd_conv2d(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* weight,
                     const T* bias, T* out);
template <class T>
void winograd_conv2d_input(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* cotangent,
                           const T* weight, T* images);
template <class T>
void winograd_conv2d_weight(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images,
                            const T* cotangent, T* weight);

/// Whether it is worth its transforms for the weight gradients of single images, which are transformed for each image.
bool winograd_weight_one_fits(const ConvShape& s, std::size_t out_channels);
/// The number of elements that winograd_weight_one holds while it runs.
template <class T>
std::size_t winograd_weight_one_room(const ConvShape& s, std::size_t out_channels);
/// The same as conv2d_weight_one of convolution.hpp, in the calling thread. The image is transformed once for all
/// probes.
template <class T>
void winograd_weight_one(const ConvShape& s, std::size_t probes, std::size_t out_channels, const T* image,
                         const T* cotangent, std::size_t cotangent_stride, T* gradients, std::size_t gradient_stride);

}  // namespace xtangent::kernels
