// Compiled once for each instruction set: the build defines XTANGENT_ISA to baseline, avx2 or avx512.
#include "autodiff/kernels/simd/winograd_transforms.hpp"

#include "autodiff/kernels/simd/isa.hpp"
#include "autodiff/kernels/simd/tables.hpp"

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

template <class T>
constexpr std::size_t lanes = Batch<T>::size;

template <class T>
std::size_t whole_vectors(std::size_t n) {
  return (n + lanes<T> - 1) / lanes<T> * lanes<T>;
}

template <class T>
void fill_zero(T* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = T(0);
}

// Copies a short row by whole vectors, of which the last one overlaps the one before it.
template <class T>
void copy_row(std::size_t n, const T* x, T* y) {
  if (n < lanes<T>) {
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i];
    return;
  }
  for (std::size_t i = 0; i + lanes<T> < n; i += lanes<T>) Batch<T>::load_unaligned(x + i).store_unaligned(y + i);
  Batch<T>::load_unaligned(x + n - lanes<T>).store_unaligned(y + n - lanes<T>);
}

// Four rows of `n` numbers each.
template <class T>
struct Four {
  T* at;
  std::size_t n;
  T* operator[](std::size_t s) const { return at + s * n; }
};

// B^T along a line: numbers 2 j to 2 j + 3 of the line make the four numbers of Winograd tile j.
struct InputLine {
  template <class T>
  void operator()(const T* __restrict line, const Four<T>& to) const {
    T* __restrict a = to[0], * __restrict b = to[1], * __restrict c = to[2], * __restrict d = to[3];
    for (std::size_t j = 0; j < to.n; ++j) {
      const T x0 = line[2 * j], x1 = line[2 * j + 1], x2 = line[2 * j + 2], x3 = line[2 * j + 3];
      a[j] = x0 - x2;
      b[j] = x1 + x2;
      c[j] = x2 - x1;
      d[j] = x1 - x3;
    }
  }
};

// A along a line: numbers 2 j and 2 j + 1 of the line make the four numbers of tile j.
struct CotangentLine {
  template <class T>
  void operator()(const T* __restrict line, const Four<T>& to) const {
    T* __restrict a = to[0], * __restrict b = to[1], * __restrict c = to[2], * __restrict d = to[3];
    for (std::size_t j = 0; j < to.n; ++j) {
      const T y0 = line[2 * j], y1 = line[2 * j + 1];
      a[j] = y0;
      b[j] = y0 + y1;
      c[j] = y0 - y1;
      d[j] = -y1;
    }
  }
};

// Transforms one line of a plane with its border, or a line of zeros outside of the plane. `line` must be zero except
// for the pixels.
template <class Along, class T>
void transform_line(const WinogradPlane& p, const T* plane, std::size_t y, T* line, const Four<T>& to) {
  if (y < p.top || y - p.top >= p.height) return fill_zero(to.at, 4 * to.n);
  copy_row(p.width, plane + (y - p.top) * p.width, line + p.left);
  Along()(line, to);
}

// The transform across lines: f takes the vectors at one place of all lines and stores four vectors, which lie 4
// `stride` apart.
template <class T, std::size_t lines, class F>
void across(const Four<T> (&from)[lines], T* v, std::size_t stride, F f) {
  for (std::size_t s = 0; s < 4; ++s)
    for (std::size_t j = 0; j < from[0].n; j += lanes<T>) {
      Batch<T> x[lines], y[4];
      for (std::size_t l = 0; l < lines; ++l) x[l] = Batch<T>::load_unaligned(from[l][s] + j);
      f(x, y);
      for (std::size_t r = 0; r < 4; ++r) y[r].store_unaligned(v + (4 * r + s) * stride + j);
    }
}

template <class T>
void input(const WinogradPlane& p, const T* plane, std::size_t first, std::size_t last, T* room, T* v,
           std::size_t stride) {
  const std::size_t n = whole_vectors<T>(p.tiles);
  T* line = room + 16 * n;
  fill_zero(line, 2 * n + lanes<T>);
  // Row i of tiles needs lines 2 i to 2 i + 3; line y is kept in place y % 4.
  const auto place = [&](std::size_t y) { return Four<T>{room + y % 4 * 4 * n, n}; };
  const auto load = [&](std::size_t y) { transform_line<InputLine>(p, plane, y, line, place(y)); };
  load(2 * first);
  load(2 * first + 1);
  for (std::size_t i = first; i < last; ++i, v += p.tiles) {
    load(2 * i + 2);
    load(2 * i + 3);
    const Four<T> lines[] = {place(2 * i), place(2 * i + 1), place(2 * i + 2), place(2 * i + 3)};
    across(lines, v, stride, [](const Batch<T>* x, Batch<T>* y) {
      y[0] = x[0] - x[2];
      y[1] = x[1] + x[2];
      y[2] = x[2] - x[1];
      y[3] = x[1] - x[3];
    });
  }
}

template <class T>
void cotangent(const WinogradPlane& p, const T* plane, std::size_t first, std::size_t last, T* room, T* v,
               std::size_t stride) {
  const std::size_t n = whole_vectors<T>(p.tiles);
  T* line = room + 16 * n;
  fill_zero(line, 2 * n + lanes<T>);
  const Four<T> lines[] = {{room, n}, {room + 4 * n, n}};
  for (std::size_t i = first; i < last; ++i, v += p.tiles) {
    transform_line<CotangentLine>(p, plane, 2 * i, line, lines[0]);
    transform_line<CotangentLine>(p, plane, 2 * i + 1, line, lines[1]);
    across(lines, v, stride, [](const Batch<T>* x, Batch<T>* y) {
      y[0] = x[0];
      y[1] = x[0] + x[1];
      y[2] = x[0] - x[1];
      y[3] = -x[1];
    });
  }
}

// Interleaves the two halves of a row of outputs, its even and its odd columns.
template <class T>
void store_row(std::size_t width, const T* __restrict even, const T* __restrict odd, T* __restrict row) {
  for (std::size_t j = 0; j < width / 2; ++j) {
    row[2 * j] = even[j];
    row[2 * j + 1] = odd[j];
  }
  if (width % 2) row[width - 1] = even[width / 2];
}

template <class T>
void output(const WinogradPlane& p, const T* v, std::size_t stride, std::size_t first, std::size_t last, T bias,
            T* room, T* plane) {
  const std::size_t n = whole_vectors<T>(p.tiles);
  const Four<T> halves[] = {{room, n}, {room + 4 * n, n}};  // the upper and the lower outputs
  for (std::size_t i = first; i < last; ++i, v += p.tiles) {
    for (std::size_t s = 0; s < 4; ++s)
      for (std::size_t j = 0; j < n; j += lanes<T>) {
        Batch<T> x[4];
        for (std::size_t r = 0; r < 4; ++r) x[r] = Batch<T>::load_unaligned(v + (4 * r + s) * stride + j);
        (x[0] + x[1] + x[2]).store_unaligned(halves[0][s] + j);
        (x[1] - x[2] - x[3]).store_unaligned(halves[1][s] + j);
      }
    for (std::size_t half = 0; half < 2 && 2 * i + half < p.height; ++half) {
      T* __restrict a = halves[half][0], * __restrict b = halves[half][1];
      const T* __restrict c = halves[half][2], * __restrict d = halves[half][3];
      for (std::size_t j = 0; j < n; ++j) {
        a[j] = bias + (a[j] + b[j] + c[j]);
        b[j] = bias + (b[j] - c[j] - d[j]);
      }
      store_row(p.width, a, b, plane + (2 * i + half) * p.width);
    }
  }
}

template <class T>
void weight(std::size_t outputs, std::size_t in, const T* w, std::ptrdiff_t step_out, std::ptrdiff_t step_in,
            std::ptrdiff_t step_tap, T* packed, std::size_t stride) {
  constexpr std::size_t block = output_block;
  T taps[9][block] = {}, half[4][3][block];
  for (std::size_t c = 0; c < in; ++c, w += step_in, packed += block) {
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t t = 0; t < 9; ++t)
        taps[t][o] = w[static_cast<std::ptrdiff_t>(o) * step_out + static_cast<std::ptrdiff_t>(t) * step_tap];
    for (std::size_t x = 0; x < 3; ++x)
      for (std::size_t o = 0; o < block; ++o) {
        const T a = taps[x][o], b = taps[3 + x][o], d = taps[6 + x][o];
        half[0][x][o] = a;
        half[1][x][o] = T(0.5) * (a + d + b);
        half[2][x][o] = T(0.5) * (a + d - b);
        half[3][x][o] = d;
      }
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t o = 0; o < block; ++o) {
        const T a = half[r][0][o], b = half[r][1][o], d = half[r][2][o];
        T* to = packed + 4 * r * stride + o;
        to[0] = a;
        to[stride] = T(0.5) * (a + d + b);
        to[2 * stride] = T(0.5) * (a + d - b);
        to[3 * stride] = d;
      }
  }
}

template <class T>
void weight_gradient(std::size_t n, const T* u, std::size_t stride, T* w) {
  constexpr std::size_t block = lanes<T>;
  T half[3][4][block], taps[9][block];
  for (std::size_t first = 0; first < n; first += block) {
    const std::size_t count = n - first < block ? n - first : block;
    for (std::size_t s = 0; s < 4; ++s)
      for (std::size_t i = 0; i < count; ++i) {
        const T* from = u + s * stride + first + i;
        const T middle = from[4 * stride], other = from[8 * stride];
        half[0][s][i] = from[0] + T(0.5) * (middle + other);
        half[1][s][i] = T(0.5) * (middle - other);
        half[2][s][i] = from[12 * stride] + T(0.5) * (middle + other);
      }
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t i = 0; i < count; ++i) {
        const T middle = half[r][1][i], other = half[r][2][i];
        taps[3 * r][i] = half[r][0][i] + T(0.5) * (middle + other);
        taps[3 * r + 1][i] = T(0.5) * (middle - other);
        taps[3 * r + 2][i] = half[r][3][i] + T(0.5) * (middle + other);
      }
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t t = 0; t < 9; ++t) w[9 * (first + i) + t] = taps[t][i];
  }
}

template <class T>
constexpr WinogradTransforms<T> table{lanes<T>,  output_block, input<T>,          cotangent<T>,
                                      output<T>, weight<T>,    weight_gradient<T>};

}  // namespace

const WinogradTransforms<float>& winograd_float() { return table<float>; }
const WinogradTransforms<double>& winograd_double() { return table<double>; }

}  // namespace xtangent::kernels::XTANGENT_ISA
