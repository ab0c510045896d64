#include "autodiff/kernels/elementwise.hpp"

#include <algorithm>

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::size_t piece = 1 << 14;  // elements in a task: few enough that both operands stay in the L1 cache

// The axes of two operands that are broadcast. Neighboring axes are merged where both operands are contiguous across
// them.
struct Merged {
  std::size_t rank = 0;
  std::size_t extent[Shape::max_rank];
  std::size_t step_a[Shape::max_rank], step_b[Shape::max_rank];
};

std::size_t axis_extent(const Shape& s, std::size_t back) { return back <= s.rank() ? s.from_right(back) : 1; }

Merged merge(const Shape& shape, const Shape& a, const Shape& b) {
  // Built from the right: axis 0 of `Merged` is the innermost.
  Merged m;
  std::size_t stride_a = 1, stride_b = 1;
  for (std::size_t back = 1; back <= shape.rank(); ++back) {
    const std::size_t extent = shape.from_right(back);
    const std::size_t ea = axis_extent(a, back), eb = axis_extent(b, back);
    const std::size_t sa = ea == 1 ? 0 : stride_a, sb = eb == 1 ? 0 : stride_b;
    stride_a *= ea;
    stride_b *= eb;
    if (extent == 1) continue;
    if (m.rank > 0) {
      const std::size_t last = m.rank - 1;
      if (sa == m.step_a[last] * m.extent[last] && sb == m.step_b[last] * m.extent[last]) {
        m.extent[last] *= extent;
        continue;
      }
    }
    m.extent[m.rank] = extent;
    m.step_a[m.rank] = sa;
    m.step_b[m.rank] = sb;
    ++m.rank;
  }
  return m;
}

}  // namespace

template <class T>
void unary(Function function, double parameter, std::size_t n, const T* x, T* y) {
  parallel_for(n, piece, [&](std::size_t first, std::size_t last) {
    loops<T>().unary(function, parameter, last - first, x + first, y + first);
  });
}

template <class T>
void slope_product(Function function, double parameter, std::size_t n, std::size_t repeats, const T* x, const T* y,
                   const T* t, T* out) {
  const std::size_t pieces = (n + piece - 1) / piece;
  parallel_for(pieces * repeats, std::max<std::size_t>(1, piece / std::max<std::size_t>(n, 1)),
               [&](std::size_t begin, std::size_t end) {
                 for (std::size_t p = begin; p < end; ++p) {
                   const std::size_t first = p % pieces * piece, count = std::min(piece, n - first);
                   const std::size_t at = p / pieces * n + first;
                   loops<T>().slope_product(function, parameter, count, x + first, y + first, t + at, out + at);
                 }
               });
}

template <class T>
void binary(Binary op, const Shape& shape, const T* a, const Shape& shape_a, const T* b, const Shape& shape_b, T* out) {
  const std::size_t size = shape.size();
  if (size == 0) return;
  const Merged m = merge(shape, shape_a, shape_b);
  if (m.rank <= 1) {
    const std::size_t sa = m.rank ? m.step_a[0] : 0, sb = m.rank ? m.step_b[0] : 0;
    parallel_for(size, piece, [&](std::size_t first, std::size_t last) {
      loops<T>().binary(op, last - first, a + first * sa, sa, b + first * sb, sb, out + first);
    });
    return;
  }
  const std::size_t inner = m.extent[0], rows = size / inner;
  parallel_for(rows, std::max<std::size_t>(1, piece / inner), [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      std::size_t at_a = 0, at_b = 0, rest = row;
      for (std::size_t axis = 1; axis < m.rank; ++axis) {
        const std::size_t i = rest % m.extent[axis];
        rest /= m.extent[axis];
        at_a += i * m.step_a[axis];
        at_b += i * m.step_b[axis];
      }
      loops<T>().binary(op, inner, a + at_a, m.step_a[0], b + at_b, m.step_b[0], out + row * inner);
    }
  });
}

template <class T>
void where(std::size_t n, const T* mask, std::size_t step_mask, const T* a, std::size_t step_a, const T* b,
           std::size_t step_b, T* out) {
  parallel_for(n, piece, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) out[i] = mask[i * step_mask] != T(0) ? a[i * step_a] : b[i * step_b];
  });
}

template <class T>
void affine(std::size_t n, T a, T b, const T* x, T* y) {
  parallel_for(n, piece, [&](std::size_t first, std::size_t last) {
    loops<T>().affine(last - first, a, b, x + first, y + first);
  });
}

template <class T>
void axpy(std::size_t n, T a, const T* x, T* y) {
  parallel_for(n, piece,
               [&](std::size_t first, std::size_t last) { loops<T>().axpy(last - first, a, x + first, y + first); });
}

template <class T>
void broadcast(const Shape& shape, const T* x, const Shape& shape_x, T* out) {
  const T zero = T(0);
  binary(Binary::add, shape, x, shape_x, &zero, Shape{}, out);
}

#define XTANGENT_INSTANTIATE(T)                                                                              \
  template void unary(Function, double, std::size_t, const T*, T*);                                          \
  template void slope_product(Function, double, std::size_t, std::size_t, const T*, const T*, const T*, T*); \
  template void binary(Binary, const Shape&, const T*, const Shape&, const T*, const Shape&, T*);            \
  template void where(std::size_t, const T*, std::size_t, const T*, std::size_t, const T*, std::size_t, T*); \
  template void affine(std::size_t, T, T, const T*, T*);                                                     \
  template void axpy(std::size_t, T, const T*, T*);                                                          \
  template void broadcast(const Shape&, const T*, const Shape&, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
