#pragma once

#include <cstddef>

namespace xtangent::kernels {

/// One channel of an image, cut into rows of Winograd tiles of 2 x 2 outputs of a 3 x 3 convolution with stride 1.
struct WinogradPlane {
  std::size_t height, width;  ///< extents of the channel
  std::size_t top, left;  ///< rows and columns of zeros in front of it; behind it there are as many as the tiles need
  std::size_t tiles;      ///< number of tiles in a row
};

/// Transforms of the minimal filtering algorithm F(2 x 2, 3 x 3) (Winograd; Lavin and Gray, "Fast Algorithms for
/// Convolutional Neural Networks", 2016): Y = A^T [(G w G^T) . (B^T d B)] A takes 16 products for a tile instead of 36.
/// The 16 numbers of tile p are v[f stride + p]. Rows [first, last) of tiles follow each other; up to `lanes` numbers
/// behind the last one are overwritten.
template <class T>
struct WinogradTransforms {
  std::size_t lanes;      ///< elements of a vector
  std::size_t out_block;  ///< number of outputs whose packed weights are stored together, as in direct.hpp

  /// v = B^T d B of the 4 x 4 pixels d under each tile. For this and the next two, `room` has winograd_room(tiles)
  /// elements.
  void (*input)(const WinogradPlane&, const T* plane, std::size_t first, std::size_t last, T* room, T* v,
                std::size_t stride);
  /// v = A y A^T of the 2 x 2 outputs y of each tile.
  void (*cotangent)(const WinogradPlane&, const T* plane, std::size_t first, std::size_t last, T* room, T* v,
                    std::size_t stride);
  /// plane = A^T v A + bias, for those outputs of the tiles that the plane has.
  void (*output)(const WinogradPlane&, const T* v, std::size_t stride, std::size_t first, std::size_t last, T bias,
                 T* room, T* plane);
  /// packed[f stride + c out_block + o] = G w G^T for a block of at most out_block outputs and all `in` channels. Tap t
  /// of output o and channel c is w[o step_out + c step_in + t step_tap].
  void (*weight)(std::size_t outputs, std::size_t in, const T* w, std::ptrdiff_t step_out, std::ptrdiff_t step_in,
                 std::ptrdiff_t step_tap, T* packed, std::size_t stride);
  /// w[9 i + t] = G^T u G for n kernels, u[f stride + i].
  void (*weight_gradient)(std::size_t n, const T* u, std::size_t stride, T* w);
};

/// The transforms for this processor.
template <class T>
const WinogradTransforms<T>& winograd_transforms();

/// The number of elements of `room` for rows of `tiles_wide` tiles.
template <class T>
std::size_t winograd_room(std::size_t tiles_wide) {
  const std::size_t lanes = winograd_transforms<T>().lanes;
  return 20 * ((tiles_wide + lanes - 1) / lanes * lanes) + lanes;
}

}  // namespace xtangent::kernels
