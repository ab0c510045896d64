#include "autodiff/kernels/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::kernels {
namespace {

struct Axis {
  std::size_t extent, step_x, step_out;  // step_out is 0 on a reduced axis
};

// total += x summed over the reduced axes, in double.
template <class T>
void add_reduced(const Axis* axes, std::size_t rank, const T* x, double* total) {
  if (rank == 1) {
    if (axes->step_out)
      loops<T>().accumulate(axes->extent, x, 1.0, total);
    else
      *total += loops<T>().sum(axes->extent, x);
    return;
  }
  for (std::size_t i = 0; i < axes->extent; ++i)
    add_reduced(axes + 1, rank - 1, x + i * axes->step_x, total + i * axes->step_out);
}

constexpr std::size_t piece = 1 << 14;

template <class T>
std::size_t first_maximum(std::size_t n, const T* x) {
  const T top = loops<T>().maximum(n, x);
  std::size_t i = 0;
  while (!(x[i] == top || std::isnan(x[i]))) ++i;
  return i;
}

// Calls f(r, shift, exponentials) for each row r of x (rows, n), where `shift` is the maximum of the row and the
// exponentials are exp(x - shift). They are in `out`, or in scratch memory if it is null. A range of rows is
// exponentiated at once, since rows may be short.
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

// The axes with more than one element, outermost first. Neighbors that are both reduced, or both kept, are merged.
std::vector<Axis> merged_axes(const Shape& shape, const std::vector<bool>& reduced) {
  std::vector<Axis> axes;
  std::size_t step_x = 1, step_out = 1;
  for (std::size_t a = shape.rank(); a-- > 0;) {
    const std::size_t extent = shape[a];
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
  return axes;
}

// Divides the first kept axis among threads.
template <class T>
void sum_by_results(const std::vector<Axis>& axes, std::size_t kept, std::size_t grain, const T* x, T* out) {
  const Axis split = axes[kept];
  parallel_for(split.extent, grain, [&](std::size_t first, std::size_t last) {
    std::vector<Axis> part = axes;
    part[kept].extent = last - first;
    std::vector<double> total((last - first) * split.step_out);
    add_reduced(part.data(), part.size(), x + first * split.step_x, total.data());
    std::transform(total.begin(), total.end(), out + first * split.step_out,
                   [](double v) { return static_cast<T>(v); });
  });
}

// Divides the outermost axis, which is reduced, among threads, and adds up their sums in order.
template <class T>
void sum_by_terms(const std::vector<Axis>& axes, std::size_t out_size, std::size_t grain, const T* x, T* out) {
  const Axis split = axes.front();
  const std::size_t parts = (split.extent + grain - 1) / grain;
  std::vector<double> totals(parts * out_size);
  parallel_for(parts, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t p = first; p < last; ++p) {
      std::vector<Axis> part = axes;
      part.front().extent = std::min(grain, split.extent - p * grain);
      add_reduced(part.data(), part.size(), x + p * grain * split.step_x, totals.data() + p * out_size);
    }
  });
  for (std::size_t i = 0; i < out_size; ++i) {
    double total = 0;
    for (std::size_t p = 0; p < parts; ++p) total += totals[p * out_size + i];
    out[i] = static_cast<T>(total);
  }
}

}  // namespace

template <class T>
void sum_axes(const Shape& shape, const std::vector<bool>& reduced, const T* x, T* out) {
  std::size_t out_size = 1;
  for (std::size_t a = 0; a < shape.rank(); ++a)
    if (!reduced[a]) out_size *= shape[a];
  if (shape.size() == 0) {
    std::fill_n(out, out_size, T(0));
    return;
  }
  const std::vector<Axis> axes = merged_axes(shape, reduced);
  if (axes.empty()) {
    *out = *x;
    return;
  }
  const std::size_t kept = axes.front().step_out ? 0 : 1;  // kept and reduced axes alternate
  if (kept < axes.size()) {
    const std::size_t narrowest = axes[kept].step_x == 1 ? 1024 : 1;  // runs long enough to stream
    const std::size_t grain = std::max(narrowest, piece * axes[kept].extent / shape.size());
    if (kept == 0 || axes[kept].extent > grain) {
      sum_by_results(axes, kept, grain, x, out);
      return;
    }
  }
  sum_by_terms(axes, out_size, std::max<std::size_t>(1, 4 * piece / axes.front().step_x), x, out);
}

template <class T>
void cumulative_sum(std::size_t outer, std::size_t extent, std::size_t inner, bool reverse, const T* x, T* out) {
  const std::size_t block = extent * inner;
  parallel_for(outer, std::max<std::size_t>(1, piece / std::max<std::size_t>(block, 1)),
               [&](std::size_t first, std::size_t last) {
                 std::vector<double> total(inner);
                 for (std::size_t o = first; o < last; ++o) {
                   std::fill(total.begin(), total.end(), 0.0);
                   for (std::size_t step = 0; step < extent; ++step) {
                     const std::size_t at = o * block + (reverse ? extent - 1 - step : step) * inner;
                     for (std::size_t i = 0; i < inner; ++i)
                       out[at + i] = static_cast<T>(total[i] += static_cast<double>(x[at + i]));
                   }
                 }
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
                     loops<T>().argmax_into(inner, 1, x + o * block + e * inner, static_cast<std::uint32_t>(e * inner),
                                            best.data(), index + o * inner);
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
void softmax_slope_rows(std::size_t rows, std::size_t n, std::size_t repeats, const T* y, const T* t, T* out) {
  parallel_for(rows * repeats, std::max<std::size_t>(1, piece / n), [&](std::size_t first, std::size_t last) {
    for (std::size_t r = first; r < last; ++r) {
      const T *weights = y + r % rows * n, *from = t + r * n;
      T* to = out + r * n;
      loops<T>().affine(n, T(1), -static_cast<T>(loops<T>().dot(n, weights, from)), from, to);
      loops<T>().binary(Binary::multiply, n, weights, 1, to, 1, to);
    }
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

#define XTANGENT_INSTANTIATE(T)                                                                    \
  template void sum_axes(const Shape&, const std::vector<bool>&, const T*, T*);                    \
  template void cumulative_sum(std::size_t, std::size_t, std::size_t, bool, const T*, T*);         \
  template void max_axis(std::size_t, std::size_t, std::size_t, const T*, T*);                     \
  template void argmax_axis(std::size_t, std::size_t, std::size_t, const T*, std::uint32_t*);      \
  template void logsumexp_rows(std::size_t, std::size_t, const T*, T*);                            \
  template void softmax_rows(std::size_t, std::size_t, const T*, T*);                              \
  template void softmax_slope_rows(std::size_t, std::size_t, std::size_t, const T*, const T*, T*); \
  template void log_softmax_rows(std::size_t, std::size_t, const T*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
