#pragma once

#include <cstddef>

namespace xtangent::kernels {

/// Up to three vectors of positions that a correlation computes together. Vector v reads the image from x[v] on, and is
/// stored from y[v] on. Only taps [first, last) count: at the others all of them see the border of zeros.
struct CorrelationTile {
  static constexpr std::size_t most = 3;
  std::size_t vectors, x[most], y[most], first, last;
};

/// Convolution with stride 1 without a patch matrix. Images are stored in rows of a fixed width, so that a tap sees the
/// image shifted by a fixed offset: at position q, tap f of channel c reads x[c ldx + q + offset[f]].
template <class T>
struct Direct {
  /// Elements of a vector.
  std::size_t lanes;
  /// Number of outputs whose packed weights are stored together: packed[o / block][c taps + f][o % block].
  std::size_t out_block;

  /// y[o ldy + tile.y[v] + l] = sum over c and f of weight[o, c, f] x[c ldx + tile.x[v] + l + offset[f]], for the lanes
  /// l of all vectors v of all tiles.
  void (*correlate)(std::size_t outputs, std::size_t channels, std::size_t taps, const std::size_t* offset,
                    const T* packed, const T* x, std::size_t ldx, const CorrelationTile* tiles, std::size_t count, T* y,
                    std::size_t ldy);
  /// w[o ldw + r] = sum of y[o ldy + q] x[r][q] over all q below the length, rounded up to whole vectors, or += with
  /// `add`. At positions without meaning y must be zero and x finite.
  void (*gradient)(std::size_t outputs, std::size_t rows, std::size_t length, const T* y, std::size_t ldy,
                   const T* const* x, bool add, T* w, std::size_t ldw);
};

/// The loops for this processor.
template <class T>
const Direct<T>& direct();

}  // namespace xtangent::kernels
