#include "autodiff/kernels/normalize.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/loops.hpp"
#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::size_t piece = 1 << 14;  // elements a task, at least
constexpr std::size_t longest = 1024;   // a run whose sum in T is accurate

// One group: `runs` runs of `length` elements, `stride` apart. Long runs are cut.
struct Runs {
  std::size_t runs, length, stride;
};

Runs runs_of(const Groups& g) { return {g.outer, g.inner, g.groups * g.inner}; }

template <class F>
void for_each_run(const Runs& r, F f) {
  for (std::size_t i = 0; i < r.runs; ++i)
    for (std::size_t first = 0; first < r.length; first += longest)
      f(i * r.stride + first, std::min(longest, r.length - first));
}

template <class T>
double sum_of(const Runs& r, const T* x) {
  double total = 0;
  for_each_run(r, [&](std::size_t at, std::size_t n) { total += loops<T>().sum(n, x + at); });
  return total;
}

template <class T>
double product_of(const Runs& r, const T* a, T center_a, const T* b, T center_b) {
  double total = 0;
  for_each_run(r, [&](std::size_t at, std::size_t n) {
    total += loops<T>().centered_dot(n, a + at, center_a, b + at, center_b);
  });
  return total;
}

struct Moments {
  double mean, variance;
};
template <class T>
Moments moments_of(const Runs& r, const T* x) {
  const double count = static_cast<double>(r.runs * r.length);
  const double mean = sum_of(r, x) / count;
  const T center = static_cast<T>(mean);
  return {mean, product_of(r, x, center, x, center) / count};
}

std::size_t grain_of(const Groups& g) { return std::max<std::size_t>(1, piece / std::max<std::size_t>(1, g.count())); }

// Groups with one or few elements side by side are made contiguous for the time of f(groups as one block).
bool scattered(const Groups& g) { return g.inner < 8 && g.outer > 1 && g.groups > 1; }
template <class T>
std::vector<T> gathered(const Groups& g, const T* x) {
  std::vector<T> out(g.size());
  transpose(Shape{g.outer, g.groups, g.inner}, {1, 0, 2}, x, out.data());
  return out;
}
template <class T>
void scatter(const Groups& g, const std::vector<T>& x, T* out) {
  transpose(Shape{g.groups, g.outer, g.inner}, {1, 0, 2}, x.data(), out);
}
Groups contiguous(const Groups& g) { return {1, g.groups, g.count()}; }

}  // namespace

template <class T>
void moments(const Groups& g, const T* x, double* mean, double* variance) {
  if (scattered(g)) return moments(contiguous(g), gathered(g, x).data(), mean, variance);
  parallel_for(g.groups, grain_of(g), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const Moments m = moments_of(runs_of(g), x + i * g.inner);
      mean[i] = m.mean;
      variance[i] = m.variance;
    }
  });
}

template <class T>
void standardize(const Groups& g, double epsilon, const T* x, const T* scale, const T* shift, T* y) {
  if (scattered(g)) {
    std::vector<T> out(g.size());
    standardize(contiguous(g), epsilon, gathered(g, x).data(), scale, shift, out.data());
    return scatter(g, out, y);
  }
  const Runs runs = runs_of(g);
  parallel_for(g.groups, grain_of(g), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const T* from = x + i * g.inner;
      const Moments m = moments_of(runs, from);
      const double slope = (scale ? static_cast<double>(scale[i]) : 1.0) / std::sqrt(m.variance + epsilon);
      const double offset = (shift ? static_cast<double>(shift[i]) : 0.0) - m.mean * slope;
      for (std::size_t o = 0; o < g.outer; ++o)
        loops<T>().affine(g.inner, static_cast<T>(slope), static_cast<T>(offset), from + o * runs.stride,
                          y + i * g.inner + o * runs.stride);
    }
  });
}

template <class T>
void standardize_slope(const Groups& g, double epsilon, std::size_t repeats, const T* x, const T* scale, const T* t,
                       T* out, T* sums, T* products) {
  if (scattered(g)) {
    const std::vector<T> xs = gathered(g, x);
    std::vector<T> to(out ? g.size() : 0);
    for (std::size_t k = 0; k < repeats; ++k) {
      standardize_slope(contiguous(g), epsilon, 1, xs.data(), scale, gathered(g, t + k * g.size()).data(),
                        out ? to.data() : nullptr, sums ? sums + k * g.groups : nullptr,
                        products ? products + k * g.groups : nullptr);
      if (out) scatter(g, to, out + k * g.size());
    }
    return;
  }
  const Runs runs = runs_of(g);
  const double count = static_cast<double>(g.count());
  parallel_for(g.groups, grain_of(g), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const T* from = x + i * g.inner;
      const Moments m = moments_of(runs, from);
      const double r = 1.0 / std::sqrt(m.variance + epsilon), s = scale ? static_cast<double>(scale[i]) : 1.0;
      for (std::size_t k = 0; k < repeats; ++k) {
        const T* tangent = t + k * g.size() + i * g.inner;
        const double total = sum_of(runs, tangent);
        const double product = r * product_of(runs, tangent, T(0), from, static_cast<T>(m.mean));
        if (sums) sums[k * g.groups + i] = static_cast<T>(total);
        if (products) products[k * g.groups + i] = static_cast<T>(product);
        if (!out) continue;
        const double of_t = s * r, of_x = -s * r * r * product / count,
                     constant = -of_t * total / count - of_x * m.mean;
        for (std::size_t o = 0; o < g.outer; ++o) {
          const std::size_t at = o * runs.stride;
          loops<T>().combine(g.inner, static_cast<T>(of_t), tangent + at, static_cast<T>(of_x), from + at,
                             static_cast<T>(constant), out + k * g.size() + i * g.inner + at);
        }
      }
    }
  });
}

template <class T>
void scale_channels(const Groups& g, const T* x, const T* scale, const T* shift, T* y) {
  if (g.inner == 1) {
    const std::vector<T> none(shift ? 0 : g.groups);
    parallel_for(g.outer, grain_of({1, 1, g.groups}), [&](std::size_t first, std::size_t last) {
      for (std::size_t o = first; o < last; ++o)
        loops<T>().scale_shift(g.groups, scale, shift ? shift : none.data(), x + o * g.groups, y + o * g.groups);
    });
    return;
  }
  parallel_for(g.outer * g.groups, grain_of({1, 1, g.inner}), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      loops<T>().affine(g.inner, scale[i % g.groups], shift ? shift[i % g.groups] : T(0), x + i * g.inner,
                        y + i * g.inner);
  });
}

template <class T>
void channel_products(const Groups& g, const T* t, const T* x, const T* center, T* out) {
  if (g.inner == 1) {  // rows of channels: columns are summed, in pieces of columns
    parallel_for(g.groups, std::max<std::size_t>(64, grain_of(g)), [&](std::size_t first, std::size_t last) {
      std::vector<double> total(last - first);
      std::vector<T> centered(last - first);
      for (std::size_t o = 0; o < g.outer; ++o) {
        const T* row = x + o * g.groups + first;
        if (center) {
          loops<T>().binary(Binary::subtract, last - first, row, 1, center + first, 1, centered.data());
          row = centered.data();
        }
        loops<T>().accumulate_product(last - first, t + o * g.groups + first, row, total.data());
      }
      std::transform(total.begin(), total.end(), out + first, [](double v) { return static_cast<T>(v); });
    });
    return;
  }
  const Runs runs = runs_of(g);
  parallel_for(g.groups, grain_of(g), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      out[i] = static_cast<T>(product_of(runs, t + i * g.inner, T(0), x + i * g.inner, center ? center[i] : T(0)));
  });
}

#define XTANGENT_INSTANTIATE(T)                                                                                  \
  template void moments(const Groups&, const T*, double*, double*);                                              \
  template void standardize(const Groups&, double, const T*, const T*, const T*, T*);                            \
  template void standardize_slope(const Groups&, double, std::size_t, const T*, const T*, const T*, T*, T*, T*); \
  template void scale_channels(const Groups&, const T*, const T*, const T*, T*);                                 \
  template void channel_products(const Groups&, const T*, const T*, const T*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
