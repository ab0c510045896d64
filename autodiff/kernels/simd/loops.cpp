// Compiled once for each instruction set: the build defines XTANGENT_ISA to baseline, avx2 or avx512.
#include "autodiff/kernels/simd/loops.hpp"

#include "autodiff/kernels/simd/lane.hpp"
#include "autodiff/kernels/simd/tables.hpp"
#include "autodiff/kernels/simd/transpose.hpp"

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

template <class T>
void unary(Function function, double parameter, std::size_t n, const T* x, T* y) {
  with_function(function, parameter, [&](const auto& f) {
    constexpr std::size_t width = Batch<T>::size;
    std::size_t i = 0;
    for (; i + width <= n; i += width) f.value(Lane<T>(Batch<T>::load_unaligned(x + i))).v.store_unaligned(y + i);
    if (i == n) return;
    // The tail goes through the same instructions as the rest, so a value does not depend on its place.
    T rest[width] = {};
    for (std::size_t r = i; r < n; ++r) rest[r - i] = x[r];
    f.value(Lane<T>(Batch<T>::load_unaligned(rest))).v.store_unaligned(rest);
    for (std::size_t r = i; r < n; ++r) y[r] = rest[r - i];
  });
}

template <class T>
void slope_product(Function function, double parameter, std::size_t n, const T* x, const T* y, const T* t, T* out) {
  with_function(function, parameter, [&](const auto& f) {
    constexpr std::size_t width = Batch<T>::size;
    const auto product = [&](const T* xs, const T* ys, const T* ts, T* to) {
      const Lane<T> slope = f.slope(Lane<T>(Batch<T>::load_unaligned(xs)), Lane<T>(Batch<T>::load_unaligned(ys)));
      (Batch<T>::load_unaligned(ts) * slope.v).store_unaligned(to);
    };
    std::size_t i = 0;
    for (; i + width <= n; i += width) product(x + i, y + i, t + i, out + i);
    if (i == n) return;
    T xs[width] = {}, ys[width] = {}, ts[width] = {};
    for (std::size_t r = i; r < n; ++r) {
      xs[r - i] = x[r];
      ys[r - i] = y[r];
      ts[r - i] = t[r];
    }
    product(xs, ys, ts, xs);
    for (std::size_t r = i; r < n; ++r) out[r] = xs[r - i];
  });
}

template <class T, class F>
void binary_loop(std::size_t n, const T* a, std::size_t step_a, const T* b, std::size_t step_b, T* out, F f) {
  if (step_a && step_b)
    for (std::size_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
  else if (step_a)
    for (std::size_t i = 0; i < n; ++i) out[i] = f(a[i], b[0]);
  else if (step_b)
    for (std::size_t i = 0; i < n; ++i) out[i] = f(a[0], b[i]);
  else
    for (std::size_t i = 0; i < n; ++i) out[i] = f(a[0], b[0]);
}

template <class T>
void binary(Binary op, std::size_t n, const T* a, std::size_t sa, const T* b, std::size_t sb, T* out) {
  switch (op) {
    case Binary::add:
      return binary_loop(n, a, sa, b, sb, out, [](T x, T y) { return x + y; });
    case Binary::subtract:
      return binary_loop(n, a, sa, b, sb, out, [](T x, T y) { return x - y; });
    case Binary::multiply:
      return binary_loop(n, a, sa, b, sb, out, [](T x, T y) { return x * y; });
    case Binary::divide:
      return binary_loop(n, a, sa, b, sb, out, [](T x, T y) { return x / y; });
    case Binary::maximum:
      return binary_loop(n, a, sa, b, sb, out, [](T x, T y) { return x > y || x != x ? x : y; });
    case Binary::minimum:
      return binary_loop(n, a, sa, b, sb, out, [](T x, T y) { return x < y || x != x ? x : y; });
    case Binary::power:
      return binary_loop(n, a, sa, b, sb, out, [](T x, T y) { return std::pow(x, y); });
  }
}

template <class T>
void affine(std::size_t n, T a, T b, const T* x, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = a * x[i] + b;
}

template <class T>
void axpy(std::size_t n, T a, const T* x, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] += a * x[i];
}

template <class T>
void scale_shift(std::size_t n, const T* a, const T* b, const T* x, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = a[i] * x[i] + b[i];
}

template <class T>
void combine(std::size_t n, T a, const T* x, T b, const T* y, T c, T* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a * x[i] + (b * y[i] + c);
}

// Sums in `width` interleaved lanes, term(i) being the i-th summand. The lanes fill several vectors of any processor,
// so that additions do not wait for each other, and the result is the same on all processors.
template <class Lane, std::size_t width, class Term>
double lane_sum(std::size_t n, Term term) {
  Lane lane[width] = {};
  std::size_t i = 0;
  for (; i + width <= n; i += width)
    for (std::size_t l = 0; l < width; ++l) lane[l] += term(i + l);
  for (; i < n; ++i) lane[i % width] += term(i);
  for (std::size_t half = width / 2; half >= 8; half /= 2)
    for (std::size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  double total = 0;
  for (std::size_t l = 0; l < 8; ++l) total += static_cast<double>(lane[l]);
  return total;
}

template <class T>
double sum(std::size_t n, const T* x) {
  const auto term = [=](std::size_t i) { return static_cast<double>(x[i]); };
  return n < 64 ? lane_sum<double, 8>(n, term) : lane_sum<double, 32>(n, term);
}

template <class T>
double dot(std::size_t n, const T* a, const T* b) {
  const auto term = [=](std::size_t i) { return a[i] * b[i]; };
  return n < 128 ? lane_sum<T, 16>(n, term) : lane_sum<T, 64>(n, term);
}

template <class T>
double centered_dot(std::size_t n, const T* a, T center_a, const T* b, T center_b) {
  const auto term = [=](std::size_t i) { return (a[i] - center_a) * (b[i] - center_b); };
  return n < 128 ? lane_sum<T, 16>(n, term) : lane_sum<T, 64>(n, term);
}

template <class T>
T larger(T x, T best) {
  return x > best || x != x ? x : best;
}

template <class T>
T maximum(std::size_t n, const T* x) {
  if (n < 8) {
    T best = x[0];
    for (std::size_t i = 1; i < n; ++i) best = larger(x[i], best);
    return best;
  }
  T lane[8];
  for (std::size_t l = 0; l < 8; ++l) lane[l] = x[l];
  std::size_t i = 8;
  for (; i + 8 <= n; i += 8)
    for (std::size_t l = 0; l < 8; ++l) lane[l] = larger(x[i + l], lane[l]);
  for (; i < n; ++i) lane[i % 8] = larger(x[i], lane[i % 8]);
  for (std::size_t l = 0; l < 4; ++l) lane[l] = larger(lane[l + 4], lane[l]);
  return larger(larger(lane[3], lane[1]), larger(lane[2], lane[0]));
}

template <class T>
void accumulate_product(std::size_t n, const T* a, const T* b, double* k) {
  for (std::size_t i = 0; i < n; ++i) k[i] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
}

template <class T>
void accumulate(std::size_t n, const T* a, double scale, double* k) {
  for (std::size_t i = 0; i < n; ++i) k[i] += scale * static_cast<double>(a[i]);
}

// The columns ow in [first, last) of an output row whose input column iw = ow * stride + offset lies in [0, width).
struct Columns {
  std::size_t first, last;
};
Columns inside(std::size_t out_width, std::size_t stride, long offset, std::size_t width) {
  const long s = static_cast<long>(stride);
  const long first = offset >= 0 ? 0 : (-offset + s - 1) / s;
  const long room = static_cast<long>(width) - 1 - offset;
  const long last = room < 0 ? 0 : room / s + 1;
  const long end = last < static_cast<long>(out_width) ? last : static_cast<long>(out_width);
  return {static_cast<std::size_t>(first < end ? first : end), static_cast<std::size_t>(end < 0 ? 0 : end)};
}

// Copies a short row by vectors of N elements, of which the last one overlaps the one before it, or by shorter vectors.
template <std::size_t N, class T>
inline void copy_row(std::size_t n, const T* x, T* y) {
  if (n >= N) {
    for (std::size_t i = 0; i + N < n; i += N) std::memcpy(y + i, x + i, N * sizeof(T));
    std::memcpy(y + n - N, x + n - N, N * sizeof(T));
  } else if constexpr (N > 1) {
    copy_row<N / 2>(n, x, y);
  }
}

template <class T>
void copy_rows(std::size_t rows, std::size_t n, const T* x, std::size_t ldx, T* y, std::size_t ldy) {
  for (std::size_t r = 0; r < rows; ++r) copy_row<Batch<T>::size>(n, x + r * ldx, y + r * ldy);
}

// Calls row(patch row, output row, input row, columns) for every row of a patch matrix; the input row is null outside
// of the image.
template <class Image, class Row>
inline void each_patch_row(const ConvShape& s, std::size_t first_row, std::size_t last_row, Image* image, Row row) {
  const std::size_t out_width = s.out_width(), out_height = s.out_height();
  std::size_t patch_row = 0;
  for (std::size_t c = 0; c < s.channels; ++c)
    for (std::size_t kd = 0; kd < s.kernel_depth; ++kd)
      for (std::size_t kh = 0; kh < s.kernel_height; ++kh)
        for (std::size_t kw = 0; kw < s.kernel_width; ++kw, ++patch_row) {
          const long offset_w = static_cast<long>(kw * s.dilation_width) - static_cast<long>(s.padding_width);
          const long offset_h = static_cast<long>(kh * s.dilation_height) - static_cast<long>(s.padding_height);
          const long offset_d = static_cast<long>(kd * s.dilation_depth) - static_cast<long>(s.padding_depth);
          const Columns columns = inside(out_width, s.stride_width, offset_w, s.width);
          std::size_t oh = first_row % out_height;
          for (std::size_t at = first_row, od = first_row / out_height; at < last_row; ++od, oh = 0) {
            const long id = static_cast<long>(od * s.stride_depth) + offset_d;
            const bool inside_depth = id >= 0 && id < static_cast<long>(s.depth);
            Image* plane = image + (inside_depth ? c * s.depth + static_cast<std::size_t>(id) : 0) * s.height * s.width;
            for (; oh < out_height && at < last_row; ++oh, ++at) {
              const long ih = static_cast<long>(oh * s.stride_height) + offset_h;
              const bool outside = !inside_depth || ih < 0 || ih >= static_cast<long>(s.height);
              row(patch_row, at - first_row,
                  outside ? nullptr : plane + static_cast<std::size_t>(ih) * s.width + offset_w, columns);
            }
          }
        }
}

template <class T>
void im2col(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* image, T* patches,
            std::size_t stride) {
  const std::size_t out_width = s.out_width(), step = s.stride_width;
  each_patch_row(s, first_row, last_row, image, [=](std::size_t r, std::size_t oh, const T* x, Columns in) {
    T* to = patches + r * stride + oh * out_width;
    if (!x) {
      for (std::size_t ow = 0; ow < out_width; ++ow) to[ow] = T(0);
      return;
    }
    for (std::size_t ow = 0; ow < in.first; ++ow) to[ow] = T(0);
    if (step == 1)
      copy_row<Batch<T>::size>(in.last - in.first, x + in.first, to + in.first);
    else
      for (std::size_t ow = in.first; ow < in.last; ++ow) to[ow] = x[ow * step];
    for (std::size_t ow = in.last; ow < out_width; ++ow) to[ow] = T(0);
  });
}

template <class T>
void col2im_add(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* patches, std::size_t stride,
                T* image) {
  const std::size_t out_width = s.out_width(), step = s.stride_width;
  each_patch_row(s, first_row, last_row, image, [=](std::size_t r, std::size_t oh, T* x, Columns in) {
    if (!x) return;
    const T* from = patches + r * stride + oh * out_width;
    if (step == 1)
      for (std::size_t ow = in.first; ow < in.last; ++ow) x[ow] += from[ow];
    else
      for (std::size_t ow = in.first; ow < in.last; ++ow) x[ow * step] += from[ow];
  });
}

template <class T>
void sum_runs(std::size_t n, std::size_t run, T scale, const T* x, T* y) {
  if (run == 2)
    for (std::size_t i = 0; i < n; ++i) y[i] = scale * (x[2 * i] + x[2 * i + 1]);
  else
    for (std::size_t i = 0; i < n; ++i) {
      T total = T(0);
      for (std::size_t j = 0; j < run; ++j) total += x[i * run + j];
      y[i] = scale * total;
    }
}

template <class T>
void repeat_runs(std::size_t n, std::size_t run, T scale, const T* x, T* y) {
  if (run == 2)
    for (std::size_t i = 0; i < n; ++i) {
      const T v = scale * x[i];
      y[2 * i] = v;
      y[2 * i + 1] = v;
    }
  else
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < run; ++j) y[i * run + j] = scale * x[i];
}

template <class T>
void maximum_runs(std::size_t n, std::size_t run, const T* x, T* y) {
  if (run == 2)
    for (std::size_t i = 0; i < n; ++i) y[i] = larger(x[2 * i + 1], x[2 * i]);
  else
    for (std::size_t i = 0; i < n; ++i) y[i] = maximum(run, x + i * run);
}

template <class T>
void maximum_into(std::size_t n, const T* x, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = larger(x[i], y[i]);
}

template <class T>
void argmax_into(std::size_t n, std::size_t step, const T* x, std::uint32_t at, T* best, std::uint32_t* index) {
  for (std::size_t i = 0; i < n; ++i) {
    const T v = x[i * step];
    const bool beats = (v > best[i]) | ((v != v) & (best[i] == best[i]));
    best[i] = beats ? v : best[i];
    index[i] = beats ? at + static_cast<std::uint32_t>(i * step) : index[i];
  }
}

template <class T>
void adam(const AdamStep& s, std::size_t n, const T* gradient, T* first, T* second, T* parameter) {
  const T beta1 = static_cast<T>(s.beta1), beta2 = static_cast<T>(s.beta2), epsilon = static_cast<T>(s.epsilon);
  const T decay = static_cast<T>(s.weight_decay), keep = static_cast<T>(1.0 - s.rate * s.decoupled_decay);
  const T size = static_cast<T>(s.rate / s.correction1), scale = static_cast<T>(1.0 / s.correction2);
  const T rest1 = static_cast<T>(1.0 - s.beta1), rest2 = static_cast<T>(1.0 - s.beta2);
  for (std::size_t i = 0; i < n; ++i) {
    const T g = gradient[i] + decay * parameter[i];
    first[i] = beta1 * first[i] + rest1 * g;
    second[i] = beta2 * second[i] + rest2 * g * g;
    parameter[i] = keep * parameter[i] - size * first[i] / (std::sqrt(second[i] * scale) + epsilon);
  }
}

template <class T>
void sgd(const SgdStep& s, std::size_t n, const T* gradient, T* momentum, T* parameter) {
  const T rate = static_cast<T>(s.rate), decay = static_cast<T>(s.weight_decay), keep = static_cast<T>(s.momentum);
  if (!momentum) {
    for (std::size_t i = 0; i < n; ++i) parameter[i] -= rate * (gradient[i] + decay * parameter[i]);
    return;
  }
  const T fresh = s.nesterov ? T(1) : T(0), held = s.nesterov ? keep : T(1);
  for (std::size_t i = 0; i < n; ++i) {
    const T g = gradient[i] + decay * parameter[i];
    momentum[i] = keep * momentum[i] + g;
    parameter[i] -= rate * (fresh * g + held * momentum[i]);
  }
}

template <class T>
constexpr Loops<T> all_loops{isa_name,
                             unary<T>,
                             slope_product<T>,
                             binary<T>,
                             affine<T>,
                             axpy<T>,
                             scale_shift<T>,
                             combine<T>,
                             sum<T>,
                             dot<T>,
                             centered_dot<T>,
                             maximum<T>,
                             accumulate_product<T>,
                             accumulate<T>,
                             copy_rows<T>,
                             transpose<T>,
                             im2col<T>,
                             col2im_add<T>,
                             sum_runs<T>,
                             repeat_runs<T>,
                             maximum_runs<T>,
                             maximum_into<T>,
                             argmax_into<T>,
                             adam<T>,
                             sgd<T>};

}  // namespace

const Loops<float>& table_float() { return all_loops<float>; }
const Loops<double>& table_double() { return all_loops<double>; }

}  // namespace xtangent::kernels::XTANGENT_ISA
