// Compiled once for each instruction set: the build defines XTANGENT_ISA to baseline, avx2 or avx512.
#include "autodiff/kernels/simd/shifts.hpp"

#include "autodiff/kernels/simd/tables.hpp"

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

// The positions whose pixel at this offset lies in the image.
struct Inside {
  std::size_t first, last;
};
inline Inside inside(const ShiftExtent& e, std::ptrdiff_t offset) {
  const auto in = static_cast<std::ptrdiff_t>(e.in), out = static_cast<std::ptrdiff_t>(e.out);
  const std::ptrdiff_t first = offset < 0 ? (-offset < out ? -offset : out) : 0;
  const std::ptrdiff_t last = in - offset < out ? in - offset : out;
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last > first ? last : first)};
}

template <class T>
inline void add(std::size_t n, const T* x, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
}

template <class T>
inline void add_masked(std::size_t n, const T* x, const T* mask, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] += mask[i] * x[i];
}

template <class T>
inline void clear(std::size_t n, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = T(0);
}

template <class T>
void rows(const ShiftShape& s, const T* gram, std::size_t ld, T* room) {
  const std::size_t width = s.a_width.in, run = s.b_width.in, length = s.b_height.out * run;
  for (std::size_t py = 0; py < s.a_height.out; ++py)
    for (std::size_t x = 0; x < width; ++x) {
      T* to = room + (py * width + x) * length;
      clear(length, to);
      for (std::size_t f = 0; f < s.taps_height; ++f) {
        const auto tap = static_cast<std::ptrdiff_t>(f * s.dilation_height);
        const std::ptrdiff_t y = static_cast<std::ptrdiff_t>(py) + tap - s.a_height.padding;
        if (y < 0 || y >= static_cast<std::ptrdiff_t>(s.a_height.in)) continue;
        const std::ptrdiff_t offset = tap - s.b_height.padding;
        const Inside q = inside(s.b_height, offset);
        const T* from = gram + (static_cast<std::size_t>(y) * width + x) * ld;
        add((q.last - q.first) * run,
            from + (static_cast<std::ptrdiff_t>(q.first) + offset) * static_cast<std::ptrdiff_t>(run),
            to + q.first * run);
      }
    }
}

template <class T>
void columns(const ShiftShape& s, const T* room, const T* masks, T* out, std::size_t ld) {
  const std::size_t width = s.a_width.in, in = s.b_width.in, wide = s.b_width.out, high = s.b_height.out;
  const std::size_t length = high * in, positions = high * wide;
  for (std::size_t py = 0; py < s.a_height.out; ++py)
    for (std::size_t px = 0; px < s.a_width.out; ++px) {
      T* to = out + (py * s.a_width.out + px) * ld;
      clear(positions, to);
      for (std::size_t f = 0; f < s.taps_width; ++f) {
        const auto tap = static_cast<std::ptrdiff_t>(f * s.dilation_width);
        const std::ptrdiff_t x = static_cast<std::ptrdiff_t>(px) + tap - s.a_width.padding;
        if (x < 0 || x >= static_cast<std::ptrdiff_t>(width)) continue;
        const std::ptrdiff_t offset = tap - s.b_width.padding;
        const T* from = room + (py * width + static_cast<std::size_t>(x)) * length;
        if (offset == 0 && in == wide) {
          add(positions, from, to);
        } else if (in == wide) {  // whole rows at once; the elements that a shift takes from the next row are masked
          const std::size_t first = offset < 0 ? static_cast<std::size_t>(-offset) : 0;
          const std::size_t past = offset > 0 ? static_cast<std::size_t>(offset) : 0;
          if (first + past >= positions) continue;
          add_masked(positions - first - past, from + past, masks + f * positions + first, to + first);
        } else {
          const Inside q = inside(s.b_width, offset);
          for (std::size_t y = 0; y < high; ++y)
            add(q.last - q.first, from + y * in + (static_cast<std::ptrdiff_t>(q.first) + offset),
                to + y * wide + q.first);
        }
      }
    }
}

template <class T>
constexpr Shifts<T> all_shifts{rows<T>, columns<T>};

}  // namespace

const Shifts<float>& shifts_float() { return all_shifts<float>; }
const Shifts<double>& shifts_double() { return all_shifts<double>; }

}  // namespace xtangent::kernels::XTANGENT_ISA
