#pragma once

#include <cstddef>

namespace xtangent::kernels {

/// A channel of an image, in rows of tiles of 2 x 2 outputs of a 3 x 3 convolution with stride 1.
struct WinogradPlane {
  std::size_t height, width;  ///< of the channel
  std::size_t top, left;      ///< rows and columns of zeros in front; behind it are as many as the tiles need
  std::size_t tiles;          ///< of a row
};

/// Transforms of the minimal filtering algorithm F(2 x 2, 3 x 3) (Winograd; Lavin and Gray, "Fast Algorithms for
/// Convolutional Neural Networks", 2016): 16 products a tile instead of 36. With Y = A^T [(G w G^T) . (B^T d B)] A, the
/// 16 numbers of tile p are v[f stride + p]. Rows [first, last) of tiles follow each other; behind the last, up to
/// `lanes` numbers are overwritten.
template <class T>
struct WinogradTransforms {
  std::size_t lanes;      ///< elements of a vector
  std::size_t out_block;  ///< as in Direct: of packed weights

  /// B^T d B of the 4 x 4 pixels under each tile. All have `room` for winograd_room(tiles) elements.
  void (*input)(const WinogradPlane&, const T* plane, std::size_t first, std::size_t last, T* room, T* v,
                std::size_t stride);
  /// A y A^T of the 2 x 2 outputs of each tile.
  void (*cotangent)(const WinogradPlane&, const T* plane, std::size_t first, std::size_t last, T* room, T* v,
                    std::size_t stride);
  /// plane = A^T v A + bias, where the plane has such outputs.
  void (*output)(const WinogradPlane&, const T* v, std::size_t stride, std::size_t first, std::size_t last, T bias,
                 T* room, T* plane);
  /// G w G^T for a block of at most out_block outputs and all `in` channels: packed[f stride + c out_block + o]. The
  /// tap t of output o and channel c is w[o step_out + c step_in + t step_tap].
  void (*weight)(std::size_t outputs, std::size_t in, const T* w, std::ptrdiff_t step_out, std::ptrdiff_t step_in,
                 std::ptrdiff_t step_tap, T* packed, std::size_t stride);
  /// w[9 i + t] = G^T u G for n kernels, u[f stride + i].
  void (*weight_gradient)(std::size_t n, const T* u, std::size_t stride, T* w);
};

/// For this processor.
template <class T>
const WinogradTransforms<T>& winograd_transforms();

/// Elements of room for rows of so many tiles.
template <class T>
std::size_t winograd_room(std::size_t tiles_wide) {
  const std::size_t lanes = winograd_transforms<T>().lanes;
  return 20 * ((tiles_wide + lanes - 1) / lanes * lanes) + lanes;
}

}  // namespace xtangent::kernels
