#pragma once

#include <cstddef>

namespace xtangent::kernels {

/// Convolution with stride 1 without a patch matrix. Images are stored in rows of a fixed width, so that a tap sees the
/// image shifted by a fixed offset: at position q, tap f of channel c reads x[c ldx + q + offset[f]]. Positions run
/// through whole rows; the results beyond the end of an output row have no meaning.
template <class T>
struct Direct {
  /// Elements of a vector; lengths are rounded up to a multiple of it.
  std::size_t lanes;
  /// Number of outputs whose packed weights are stored together: packed[o / block][c taps + f][o % block].
  std::size_t out_block;

  /// y[o ldy + q] = sum over c and f of weight[o, c, f] x[c ldx + q + offset[f]], for all q below the rounded length.
  void (*correlate)(std::size_t outputs, std::size_t channels, std::size_t taps, const std::size_t* offset,
                    const T* packed, const T* x, std::size_t ldx, std::size_t length, T* y, std::size_t ldy);
  /// w[o ldw + r] = sum of y[o ldy + q] x[r][q] over all q below the rounded length, or += with `add`. At positions
  /// without meaning y must be zero and x finite.
  void (*gradient)(std::size_t outputs, std::size_t rows, std::size_t length, const T* y, std::size_t ldy,
                   const T* const* x, bool add, T* w, std::size_t ldw);
};

/// The loops for this processor.
template <class T>
const Direct<T>& direct();

}  // namespace xtangent::kernels
