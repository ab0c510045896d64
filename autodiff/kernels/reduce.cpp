#include "autodiff/kernels/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/kernels/loops.hpp"
#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

struct Axis {
  std::size_t extent, step_x, step_out;  // step_out is 0 on a reduced axis
};

template <class T>
void add_reduced(const Axis* axes, std::size_t rank, const T* x, T* out) {
  if (rank == 1) {
    if (axes->step_out)
      loops<T>().axpy(axes->extent, T(1), x, out);
    else
      *out += static_cast<T>(loops<T>().sum(axes->extent, x));
    return;
  }
  for (std::size_t i = 0; i < axes->extent; ++i)
    add_reduced(axes + 1, rank - 1, x + i * axes->step_x, out + i * axes->step_out);
}

constexpr std::size_t piece = 1 << 14;

template <class T>
std::size_t first_maximum(std::size_t n, const T* x) {
  const T top = loops<T>().maximum(n, x);
  std::size_t i = 0;
  while (!(x[i] == top || std::isnan(x[i]))) ++i;
  return i;
}

// f(r, shift, exponentials) for each row r of x (rows, n), with exp(x - shift) of the row, shift its maximum. They are
// in `out`, or in scratch memory without it. A range of rows is exponentiated at once: rows may be short.
template <class T, class F>
void with_exponentials(std::size_t rows, std::size_t n, const T* x, T* out, F f) {
  parallel_for(rows, std::max<std::size_t>(1, piece / n), [&](std::size_t first, std::size_t last) {
    std::vector<T> shift(last - first), scratch(out ? 0 : (last - first) * n);
    T* exponentials = out ? out + first * n : scratch.data();
    for (std::size_t r = first; r < last; ++r) {
      const T top = loops<T>().maximum(n, x + r * n);
      shift[r - first] = std::isfinite(top) ? top : T(0);
      loops<T>().affine(n, T(1), -shift[r - first], x + r * n, exponentials + (r - first) * n);
    }
    loops<T>().unary(Function::exp, 0.0, (last - first) * n, exponentials, exponentials);
    for (std::size_t r = first; r < last; ++r) f(r, shift[r - first], exponentials + (r - first) * n);
  });
}

}  // namespace

template <class T>
void sum_axes(const Shape& shape, const std::vector<bool>& reduced, const T* x, T* out) {
  std::vector<Axis> axes;  // outermost first, neighbors of one kind merged
  std::size_t step_x = 1, step_out = 1, out_size = 1;
  for (std::size_t a = shape.rank(); a-- > 0;) {
    const std::size_t extent = shape[a];
    if (!reduced[a]) out_size *= extent;
    if (extent != 1) {
      const bool same = !axes.empty() && (axes.front().step_out == 0) == reduced[a];
      if (same)
        axes.front().extent *= extent;
      else
        axes.insert(axes.begin(), Axis{extent, step_x, reduced[a] ? 0 : step_out});
    }
    step_x *= extent;
    if (!reduced[a]) step_out *= extent;
  }
  std::fill_n(out, out_size, T(0));
  if (shape.size() == 0) return;
  if (axes.empty()) {
    *out = *x;
    return;
  }
  if (axes.size() == 1 || axes.front().step_out == 0) {
    add_reduced(axes.data(), axes.size(), x, out);
    return;
  }
  const Axis outer = axes.front();
  parallel_for(outer.extent, std::max<std::size_t>(1, piece / outer.step_x), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      add_reduced(axes.data() + 1, axes.size() - 1, x + i * outer.step_x, out + i * outer.step_out);
  });
}

template <class T>
void max_axis(std::size_t outer, std::size_t extent, std::size_t inner, const T* x, T* out) {
  parallel_for(outer, std::max<std::size_t>(1, piece / std::max<std::size_t>(1, extent * inner)),
               [&](std::size_t first, std::size_t last) {
                 for (std::size_t o = first; o < last; ++o) {
                   const T* from = x + o * extent * inner;
                   T* to = out + o * inner;
                   if (inner == 1) {
                     *to = loops<T>().maximum(extent, from);
                     continue;
                   }
                   std::copy_n(from, inner, to);
                   for (std::size_t e = 1; e < extent; ++e) loops<T>().maximum_into(inner, from + e * inner, to);
                 }
               });
}

template <class T>
void argmax_axis(std::size_t outer, std::size_t extent, std::size_t inner, const T* x, std::uint32_t* index) {
  const std::size_t block = extent * inner;
  parallel_for(outer, std::max<std::size_t>(1, piece / std::max<std::size_t>(1, block)),
               [&](std::size_t first, std::size_t last) {
                 if (inner == 1) {
                   for (std::size_t o = first; o < last; ++o)
                     index[o] = static_cast<std::uint32_t>(first_maximum(extent, x + o * extent));
                   return;
                 }
                 std::vector<T> best(inner);
                 for (std::size_t o = first; o < last; ++o) {
                   std::copy_n(x + o * block, inner, best.begin());
                   std::iota(index + o * inner, index + (o + 1) * inner, std::uint32_t(0));
                   for (std::size_t e = 1; e < extent; ++e)
                     loops<T>().argmax_into(inner, 1, x + o * block + e * inner,
                                            static_cast<std::uint32_t>(e * inner), best.data(), index + o * inner);
                 }
               });
}

template <class T>
void logsumexp_rows(std::size_t rows, std::size_t n, const T* x, T* out) {
  with_exponentials(rows, n, x, static_cast<T*>(nullptr), [&](std::size_t r, T shift, const T* exponentials) {
    out[r] = shift + static_cast<T>(std::log(loops<T>().sum(n, exponentials)));
  });
}

template <class T>
void softmax_rows(std::size_t rows, std::size_t n, const T* x, T* out) {
  with_exponentials(rows, n, x, out, [&](std::size_t, T, T* exponentials) {
    const double total = loops<T>().sum(n, exponentials);
    loops<T>().affine(n, static_cast<T>(1.0 / total), T(0), exponentials, exponentials);
  });
}

template <class T>
void log_softmax_rows(std::size_t rows, std::size_t n, const T* x, T* out) {
  with_exponentials(rows, n, x, out, [&](std::size_t r, T shift, T* exponentials) {
    const T log_total = static_cast<T>(std::log(loops<T>().sum(n, exponentials)));
    loops<T>().affine(n, T(1), -shift, x + r * n, exponentials);
    loops<T>().affine(n, T(1), -log_total, exponentials, exponentials);
  });
}

#define XTANGENT_INSTANTIATE(T)                                                                 \
  template void sum_axes(const Shape&, const std::vector<bool>&, const T*, T*);                 \
  template void max_axis(std::size_t, std::size_t, std::size_t, const T*, T*);                  \
  template void argmax_axis(std::size_t, std::size_t, std::size_t, const T*, std::uint32_t*);   \
  template void logsumexp_rows(std::size_t, std::size_t, const T*, T*);                         \
  template void softmax_rows(std::size_t, std::size_t, const T*, T*);                           \
  template void log_softmax_rows(std::size_t, std::size_t, const T*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
