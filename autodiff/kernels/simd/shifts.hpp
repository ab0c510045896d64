#pragma once

#include <cstddef>
#include <vector>

#include "autodiff/kernels/conv_shape.hpp"

/// Grams of patches from Grams of pixels. Let A[u, v] be the inner product, over channels, of pixel u of one image with
/// pixel v of another. The inner product of their patches at positions p and q is then the sum of A[p + f, q + f] over
/// the taps f, with zeros outside of the images. The sum over the rows of taps comes first, then that over their
/// columns.
namespace xtangent::kernels {

/// The extents of one side along one direction: `in` pixels and `out` positions. Tap f of position p is pixel p + f
/// dilation - padding.
struct ShiftExtent {
  std::size_t in, out;
  std::ptrdiff_t padding;
};

/// The extents of both sides a and b of a shifted sum, along the height and the width of images. Both sides have the
/// same taps and dilation.
struct ShiftShape {
  ShiftExtent a_height, a_width, b_height, b_width;
  std::size_t taps_height, taps_width, dilation_height, dilation_width;

  /// For two convolutions with stride 1 and with the same taps and dilation.
  static ShiftShape of(const ConvShape& a, const ConvShape& b);
  std::size_t a_pixels() const { return a_height.in * a_width.in; }
  std::size_t b_pixels() const { return b_height.in * b_width.in; }
  std::size_t a_positions() const { return a_height.out * a_width.out; }
  std::size_t b_positions() const { return b_height.out * b_width.out; }
  /// The number of elements of the sums over the rows of taps.
  std::size_t room() const { return a_height.out * a_width.in * b_height.out * b_width.in; }
  /// Additions for one pair of images, counted for all taps also where they leave the image.
  double additions() const {
    return static_cast<double>(taps_height * room()) + static_cast<double>(taps_width * a_positions() * b_positions());
  }
};

/// The innermost loops, compiled once for each instruction set.
template <class T>
struct Shifts {
  /// room (a_height.out a_width.in, b_height.out b_width.in) = sums over the rows of taps of gram (a pixels, b pixels),
  /// whose rows are `ld` apart.
  void (*rows)(const ShiftShape&, const T* gram, std::size_t ld, T* room);
  /// out (a positions, b positions), with rows `ld` apart, = sums over the columns of taps of room. `masks` (taps, b
  /// positions) are 1 where the pixel of a tap lies in the image.
  void (*columns)(const ShiftShape&, const T* room, const T* masks, T* out, std::size_t ld);
};

/// The loops for this processor.
template <class T>
const Shifts<T>& shifts();

/// Sums for many pairs of images of one shape.
template <class T>
class ShiftedSums {
 public:
  ShiftedSums(const ConvShape& a, const ConvShape& b);
  const ShiftShape& shape() const { return shape_; }
  /// out = the Gram of patches from `gram`, that of pixels, with rows `ld_out` and `ld` apart; `room` has
  /// shape().room() elements.
  void operator()(const T* gram, std::size_t ld, T* room, T* out, std::size_t ld_out) const;

 private:
  ShiftShape shape_;
  std::vector<T> masks_;
};

}  // namespace xtangent::kernels
