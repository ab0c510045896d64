#pragma once

#include <cstddef>
#include <vector>

#include "autodiff/kernels/conv_shape.hpp"

/// Grams of patches from Grams of pixels. With A[u, v] the inner product over channels of pixel u of one image with
/// pixel v of another, the inner product of their patches at positions p and q is sum_f A[p + f, q + f] over the taps
/// f, with zeros outside of the images. Taps of rows are summed first, then those of columns.
namespace xtangent::kernels {

/// One direction of one side: `in` pixels, `out` positions; tap f of position p is pixel p + f dilation - padding.
struct ShiftExtent {
  std::size_t in, out;
  std::ptrdiff_t padding;
};

/// Both sides of a shifted sum, rows and columns of images; taps and dilation are those of both sides.
struct ShiftShape {
  ShiftExtent a_height, a_width, b_height, b_width;
  std::size_t taps_height, taps_width, dilation_height, dilation_width;

  /// Two convolutions of stride 1 with the same taps and dilation.
  static ShiftShape of(const ConvShape& a, const ConvShape& b);
  std::size_t a_pixels() const { return a_height.in * a_width.in; }
  std::size_t b_pixels() const { return b_height.in * b_width.in; }
  std::size_t a_positions() const { return a_height.out * a_width.out; }
  std::size_t b_positions() const { return b_height.out * b_width.out; }
  /// Elements of the sums over taps of rows.
  std::size_t room() const { return a_height.out * a_width.in * b_height.out * b_width.in; }
  /// Additions for one pair of images, counted for all taps also where they leave the image.
  double additions() const {
    return static_cast<double>(taps_height * room()) + static_cast<double>(taps_width * a_positions() * b_positions());
  }
};

/// The innermost loops, compiled once for each instruction set.
template <class T>
struct Shifts {
  /// room (a_height.out a_width.in, b_height.out b_width.in) = sums over the taps of rows of gram (a pixels, b pixels),
  /// whose rows are `ld` apart.
  void (*rows)(const ShiftShape&, const T* gram, std::size_t ld, T* room);
  /// out (a positions, b positions), rows `ld` apart = sums over the taps of columns of room. `masks` (taps, b
  /// positions) are 1 where a tap's pixel lies in the image.
  void (*columns)(const ShiftShape&, const T* room, const T* masks, T* out, std::size_t ld);
};

/// For this processor.
template <class T>
const Shifts<T>& shifts();

/// Sums for many pairs of images of one shape.
template <class T>
class ShiftedSums {
 public:
  ShiftedSums(const ConvShape& a, const ConvShape& b);
  const ShiftShape& shape() const { return shape_; }
  /// out = Gram of patches from `gram` of pixels, rows ld_out and ld apart; room for shape().room() elements.
  void operator()(const T* gram, std::size_t ld, T* room, T* out, std::size_t ld_out) const;

 private:
  ShiftShape shape_;
  std::vector<T> masks_;
};

}  // namespace xtangent::kernels
