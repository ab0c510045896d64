#pragma once

#include <memory>
#include <vector>

#include "autodiff/kernels/conv_shape.hpp"
#include "autodiff/kernels/simd/direct.hpp"

/// The convolutions of convolution.hpp with stride 1, by the loops of simd/direct.hpp: no patch matrix is made, and
/// each value that is loaded is used for several outputs while it is in a register. On one core they have 1.3 times the
/// speed of im2col with OpenBLAS on 32 channels of 30 x 30, and the same speed on 128 channels of 18 x 18. The
/// functions `*_fits` decide by shapes alone whether these loops are the faster way.
namespace xtangent::kernels {

template <class T>
bool direct_fits(const ConvShape& s);
template <class T>
bool direct_input_fits(const ConvShape& s, std::size_t out_channels);
template <class T>
bool direct_weight_fits(const ConvShape& s);

template <class T>
void direct_conv2d(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* weight,
                   const T* bias, std::size_t grain, T* out);
template <class T>
void direct_conv2d_input(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* cotangent,
                         const T* weight, std::size_t grain, T* images);

/// The tiles of positions [0, length), rounded up to whole vectors, each of which sees all taps.
std::vector<CorrelationTile> successive_tiles(std::size_t length, std::size_t lanes, std::size_t taps);

/// The number of elements that a DirectWeight holds.
template <class T>
std::size_t direct_weight_room(const ConvShape& s, std::size_t out_channels);

/// Weight gradients of one image after the other, in one thread. Memory is allocated once for all of them.
template <class T>
class DirectWeight {
 public:
  DirectWeight(const ConvShape& s, std::size_t out_channels);
  ~DirectWeight();

  void set_image(const T* image);
  /// gradients (out_channels, channels / groups * taps) = or += of a cotangent (out_channels, positions)
  void gradient(const T* cotangent, bool add, T* gradients);

 private:
  struct Room;
  std::unique_ptr<Room> room_;
};

}  // namespace xtangent::kernels
