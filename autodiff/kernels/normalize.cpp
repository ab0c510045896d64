#include "autodiff/kernels/normalize.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::size_t piece = 1 << 14;  // elements that a task has at least
constexpr std::size_t longest = 1024;   // length of the longest run whose sum in T is accurate enough

// One group, as `runs` runs of `length` elements that lie `stride` apart. Long runs are cut.
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

template <class T>
Moments moments_of(const Runs& r, const T* x) {
  const double count = static_cast<double>(r.runs * r.length);
  const double mean = sum_of(r, x) / count;
  const T center = static_cast<T>(mean);
  return {mean, product_of(r, x, center, x, center) / count};
}

std::size_t grain_of(const Groups& g) { return std::max<std::size_t>(1, piece / std::max<std::size_t>(1, g.count())); }

// Groups with few elements side by side are computed row by row, many groups at once: neighboring groups are `width`
// columns of `outer` rows.
bool narrow(const Groups& g) { return g.inner < 8 && g.outer > 1; }
constexpr std::size_t columns_at_once = 64;

template <class T>
class Columns {
 public:
  Columns(const Groups& g, std::size_t first, std::size_t last)
      : rows_(g.outer),
        stride_(g.groups * g.inner),
        inner_(g.inner),
        offset_(first * g.inner),
        width_((last - first) * g.inner),
        row_(width_) {}

  std::vector<double> sums(const T* x) const {
    std::vector<double> total(width_);
    for (std::size_t o = 0; o < rows_; ++o) loops<T>().accumulate(width_, at(x, o), 1.0, total.data());
    return folded(total);
  }
  /// The sums of a (x - center) for each column, or of (x - center)^2 if `a` is null.
  std::vector<double> products(const T* a, const T* x, const std::vector<T>& center) {
    std::vector<double> total(width_);
    for (std::size_t o = 0; o < rows_; ++o) {
      loops<T>().binary(Binary::subtract, width_, at(x, o), 1, center.data(), 1, row_.data());
      loops<T>().accumulate_product(width_, a ? at(a, o) : row_.data(), row_.data(), total.data());
    }
    return folded(total);
  }
  /// out = of_x x + constant, plus of_t t if there is a t. There is one factor for each column.
  void combine(const T* t, const std::vector<T>& of_t, const T* x, const std::vector<T>& of_x,
               const std::vector<T>& constant, T* out) {
    for (std::size_t o = 0; o < rows_; ++o) {
      T* to = out + offset_ + o * stride_;
      loops<T>().scale_shift(width_, of_x.data(), constant.data(), at(x, o), t ? row_.data() : to);
      if (t) loops<T>().scale_shift(width_, of_t.data(), row_.data(), at(t, o), to);
    }
  }
  /// f(group) for every column.
  template <class F>
  std::vector<T> spread(F f) const {
    std::vector<T> out(width_);
    for (std::size_t c = 0; c < width_; ++c) out[c] = static_cast<T>(f(c / inner_));
    return out;
  }
  std::vector<Moments> moments(const Moments* known, const T* x) {
    if (known) return {known + offset_ / inner_, known + (offset_ + width_) / inner_};
    const double count = static_cast<double>(rows_ * inner_);
    const std::vector<double> total = sums(x);
    const std::vector<double> square = products(nullptr, x, spread([&](std::size_t g) { return total[g] / count; }));
    std::vector<Moments> out;
    for (std::size_t g = 0; g < total.size(); ++g) out.push_back({total[g] / count, square[g] / count});
    return out;
  }

 private:
  const T* at(const T* x, std::size_t row) const { return x + offset_ + row * stride_; }
  std::vector<double> folded(const std::vector<double>& columns) const {
    std::vector<double> out(width_ / inner_);
    for (std::size_t c = 0; c < width_; ++c) out[c / inner_] += columns[c];
    return out;
  }

  std::size_t rows_, stride_, inner_, offset_, width_;
  std::vector<T> row_;
};

// f(columns, first group) on ranges of groups.
template <class T, class F>
void for_columns(const Groups& g, F f) {
  parallel_for(g.groups, std::max<std::size_t>(1, columns_at_once / g.inner), [&](std::size_t first, std::size_t last) {
    Columns<T> columns(g, first, last);
    f(columns, first);
  });
}

template <class T>
double number(const T* values, std::size_t i, double otherwise) {
  return values ? static_cast<double>(values[i]) : otherwise;
}

// The affine map y = slope x + offset that standardizes one group.
struct Line {
  double slope, offset;
};
template <class T>
Line line_of(const Moments& m, double epsilon, const T* scale, const T* shift, std::size_t group) {
  const double slope = number(scale, group, 1.0) / std::sqrt(m.variance + epsilon);
  return {slope, number(shift, group, 0.0) - m.mean * slope};
}

// The derivative of one group along t, of_t t + of_x x + constant, from the sums of t and of t (x - mean).
struct Slope {
  double of_t, of_x, constant;
};
template <class T>
Slope slope_of(const Moments& m, double epsilon, double count, const T* scale, std::size_t group, double total,
               double product) {
  const double r = 1.0 / std::sqrt(m.variance + epsilon), s = number(scale, group, 1.0);
  const double of_x = -s * r * r * r * product / count;
  return {s * r, of_x, -s * r * total / count - of_x * m.mean};
}

template <class T>
void narrow_slope(const Groups& g, double epsilon, const Moments* known, std::size_t repeats, const T* x,
                  const T* scale, const T* t, T* out, T* sums, T* products) {
  const double count = static_cast<double>(g.count());
  for_columns<T>(g, [&](Columns<T>& columns, std::size_t first) {
    const std::vector<Moments> m = columns.moments(known, x);
    const std::vector<T> center = columns.spread([&](std::size_t i) { return m[i].mean; });
    for (std::size_t k = 0; k < repeats; ++k) {
      const T* tangent = t + k * g.size();
      const std::vector<double> total = columns.sums(tangent), product = columns.products(tangent, x, center);
      std::vector<Slope> slopes;
      for (std::size_t i = 0; i < m.size(); ++i) {
        const std::size_t group = k * g.groups + first + i;
        if (sums) sums[group] = static_cast<T>(total[i]);
        if (products) products[group] = static_cast<T>(product[i] / std::sqrt(m[i].variance + epsilon));
        slopes.push_back(slope_of(m[i], epsilon, count, scale, first + i, total[i], product[i]));
      }
      if (!out) continue;
      columns.combine(tangent, columns.spread([&](std::size_t i) { return slopes[i].of_t; }), x,
                      columns.spread([&](std::size_t i) { return slopes[i].of_x; }),
                      columns.spread([&](std::size_t i) { return slopes[i].constant; }), out + k * g.size());
    }
  });
}

}  // namespace

template <class T>
void moments(const Groups& g, const T* x, Moments* out) {
  if (narrow(g))
    return for_columns<T>(g, [&](Columns<T>& columns, std::size_t first) {
      for (const Moments& m : columns.moments(nullptr, x)) out[first++] = m;
    });
  parallel_for(g.groups, grain_of(g), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) out[i] = moments_of(runs_of(g), x + i * g.inner);
  });
}

template <class T>
void standardize(const Groups& g, double epsilon, const Moments* known, const T* x, const T* scale, const T* shift,
                 T* y) {
  if (narrow(g))
    return for_columns<T>(g, [&](Columns<T>& columns, std::size_t first) {
      std::vector<Line> lines;
      for (const Moments& m : columns.moments(known, x))
        lines.push_back(line_of(m, epsilon, scale, shift, first + lines.size()));
      columns.combine(nullptr, {}, x, columns.spread([&](std::size_t i) { return lines[i].slope; }),
                      columns.spread([&](std::size_t i) { return lines[i].offset; }), y);
    });
  const Runs runs = runs_of(g);
  parallel_for(g.groups, grain_of(g), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const T* from = x + i * g.inner;
      const Line line = line_of(known ? known[i] : moments_of(runs, from), epsilon, scale, shift, i);
      for (std::size_t o = 0; o < g.outer; ++o)
        loops<T>().affine(g.inner, static_cast<T>(line.slope), static_cast<T>(line.offset), from + o * runs.stride,
                          y + i * g.inner + o * runs.stride);
    }
  });
}

template <class T>
void standardize_slope(const Groups& g, double epsilon, const Moments* known, std::size_t repeats, const T* x,
                       const T* scale, const T* t, T* out, T* sums, T* products) {
  if (narrow(g)) return narrow_slope(g, epsilon, known, repeats, x, scale, t, out, sums, products);
  const Runs runs = runs_of(g);
  const double count = static_cast<double>(g.count());
  parallel_for(g.groups, grain_of(g), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const T* from = x + i * g.inner;
      const Moments m = known ? known[i] : moments_of(runs, from);
      for (std::size_t k = 0; k < repeats; ++k) {
        const T* tangent = t + k * g.size() + i * g.inner;
        const double total = sum_of(runs, tangent);
        const double product = product_of(runs, tangent, T(0), from, static_cast<T>(m.mean));
        if (sums) sums[k * g.groups + i] = static_cast<T>(total);
        if (products) products[k * g.groups + i] = static_cast<T>(product / std::sqrt(m.variance + epsilon));
        if (!out) continue;
        const Slope slope = slope_of(m, epsilon, count, scale, i, total, product);
        for (std::size_t o = 0; o < g.outer; ++o) {
          const std::size_t at = o * runs.stride;
          loops<T>().combine(g.inner, static_cast<T>(slope.of_t), tangent + at, static_cast<T>(slope.of_x), from + at,
                             static_cast<T>(slope.constant), out + k * g.size() + i * g.inner + at);
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
  if (g.inner == 1) {  // the channels are columns, which are summed in pieces
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

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template void moments(const Groups&, const T*, Moments*);                                                         \
  template void standardize(const Groups&, double, const Moments*, const T*, const T*, const T*, T*);               \
  template void standardize_slope(const Groups&, double, const Moments*, std::size_t, const T*, const T*, const T*, \
                                  T*, T*, T*);                                                                      \
  template void scale_channels(const Groups&, const T*, const T*, const T*, T*);                                    \
  template void channel_products(const Groups&, const T*, const T*, const T*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
