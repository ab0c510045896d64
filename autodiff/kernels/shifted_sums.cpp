#include "autodiff/kernels/simd/shifts.hpp"

namespace xtangent::kernels {
namespace {

ShiftExtent extent(std::size_t in, std::size_t out, std::size_t padding) {
  return {in, out, static_cast<std::ptrdiff_t>(padding)};
}

}  // namespace

ShiftShape ShiftShape::of(const ConvShape& a, const ConvShape& b) {
  return {extent(a.height, a.out_height(), a.padding_height),
          extent(a.width, a.out_width(), a.padding_width),
          extent(b.height, b.out_height(), b.padding_height),
          extent(b.width, b.out_width(), b.padding_width),
          a.kernel_height,
          a.kernel_width,
          a.dilation_height,
          a.dilation_width};
}

template <class T>
ShiftedSums<T>::ShiftedSums(const ConvShape& a, const ConvShape& b) : shape_(ShiftShape::of(a, b)) {
  const ShiftExtent& w = shape_.b_width;
  masks_.assign(shape_.taps_width * shape_.b_positions(), T(0));
  for (std::size_t f = 0; f < shape_.taps_width; ++f)
    for (std::size_t q = 0; q < shape_.b_positions(); ++q) {
      const std::ptrdiff_t x = static_cast<std::ptrdiff_t>(q % w.out + f * shape_.dilation_width) - w.padding;
      if (x >= 0 && x < static_cast<std::ptrdiff_t>(w.in)) masks_[f * shape_.b_positions() + q] = T(1);
    }
}

template <class T>
void ShiftedSums<T>::operator()(const T* gram, std::size_t ld, T* room, T* out, std::size_t ld_out) const {
  shifts<T>().rows(shape_, gram, ld, room);
  shifts<T>().columns(shape_, room, masks_.data(), out, ld_out);
}

template class ShiftedSums<float>;
template class ShiftedSums<double>;

}  // namespace xtangent::kernels
