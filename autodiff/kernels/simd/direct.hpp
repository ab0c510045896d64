#pragma once

#include <cstddef>

namespace xtangent::kernels {

/// Convolution with stride 1 without a patch matrix. Images lie in rows of a fixed width, so that the value of a tap is
/// the image shifted by a fixed offset: position q of channel c seen through tap f is x[c ldx + q + offset[f]].
/// Positions run through whole rows; those beyond the end of an output row hold nothing of use.
template <class T>
struct Direct {
  std::size_t lanes;      ///< elements of a vector: lengths are rounded up to it
  std::size_t out_block;  ///< outputs whose packed weights lie together: packed[o / block][c taps + f][o % block]

  /// y[o ldy + q] = sum_{c, f} weight[o, c, f] x[c ldx + q + offset[f]] for q < length rounded up.
  void (*correlate)(std::size_t outputs, std::size_t channels, std::size_t taps, const std::size_t* offset,
                    const T* packed, const T* x, std::size_t ldx, std::size_t length, T* y, std::size_t ldy);
  /// w[o ldw + r] = (add: +) sum_q y[o ldy + q] x[r][q] for q < length rounded up; y is zero where it holds nothing of
  /// use, x is finite there.
  void (*gradient)(std::size_t outputs, std::size_t rows, std::size_t length, const T* y, std::size_t ldy,
                   const T* const* x, bool add, T* w, std::size_t ldw);
};

/// For this processor.
template <class T>
const Direct<T>& direct();

}  // namespace xtangent::kernels
