#include "autodiff/kernels/symmetric.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::size_t edge = 64;           // edge of the blocks that are read transposed
constexpr std::size_t rows_at_once = 128;  // rows that are converted to double at once

}  // namespace

template <class T>
Asymmetry asymmetry(std::size_t n, const T* a, std::size_t ld) {
  const std::size_t blocks = (n + edge - 1) / edge;
  std::vector<Asymmetry> found(blocks);
  parallel_for(blocks, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t bi = first; bi < last; ++bi)
      for (std::size_t bj = 0; bj <= bi; ++bj)
        for (std::size_t i = bi * edge; i < std::min(n, (bi + 1) * edge); ++i)
          for (std::size_t j = bj * edge; j < std::min(i + 1, (bj + 1) * edge); ++j) {
            const double low = static_cast<double>(a[i * ld + j]), up = static_cast<double>(a[j * ld + i]);
            found[bi].scale = std::max({found[bi].scale, std::abs(low), std::abs(up)});
            found[bi].skew = std::max(found[bi].skew, std::abs(low - up));
          }
  });
  Asymmetry out;
  for (const Asymmetry& f : found) out = {std::max(out.scale, f.scale), std::max(out.skew, f.skew)};
  return out;
}

template <class T>
void mirror_upper(std::size_t first, std::size_t last, const double* diagonal, T* a, std::size_t ld) {
  parallel_for(last - first, edge, [&](std::size_t from, std::size_t to) {
    for (std::size_t block = 0; block < first + to; block += edge)
      for (std::size_t i = std::max(first + from, block); i < first + to; ++i)
        for (std::size_t j = block; j < std::min(i, block + edge); ++j) a[i * ld + j] = a[j * ld + i];
    for (std::size_t i = first + from; i < first + to; ++i) a[i * ld + i] = static_cast<T>(diagonal[i]);
  });
}

void mirror_lower(std::size_t n, double* a) {
  parallel_for(n, edge, [&](std::size_t first, std::size_t last) {
    for (std::size_t block = first; block < n; block += edge)
      for (std::size_t i = first; i < last; ++i)
        for (std::size_t j = std::max(i + 1, block); j < std::min(n, block + edge); ++j) a[i * n + j] = a[j * n + i];
  });
}

void mirror_upper(std::size_t n, double* a) {
  parallel_for(n, edge, [&](std::size_t first, std::size_t last) {
    for (std::size_t block = 0; block < last; block += edge)
      for (std::size_t i = std::max(first, block + 1); i < last; ++i)
        for (std::size_t j = block; j < std::min(i, block + edge); ++j) a[i * n + j] = a[j * n + i];
  });
}

template <class T>
void mirror_upper_serial(std::size_t n, T* a, std::size_t ld) {
  constexpr std::size_t small = 16;  // a square and its mirror image stay in the nearest cache
  for (std::size_t top = 0; top < n; top += small)
    for (std::size_t left = top; left < n; left += small)
      for (std::size_t i = top; i < std::min(n, top + small); ++i)
        for (std::size_t j = std::max(left, i + 1); j < std::min(n, left + small); ++j) a[j * ld + i] = a[i * ld + j];
}

template <class T>
void residual_upper(std::size_t n, const T* a, std::size_t ld, const double* diagonal, std::size_t m, const double* x,
                    const double* y, double* r) {
  std::copy_n(y, n * m, r);
  std::vector<double> corner(rows_at_once * rows_at_once), rest;
  for (std::size_t i = 0; i < n; i += rows_at_once) {
    // For the block row (D B), with the lower half of D restored: r_i -= D x_i + B x_rest, and r_rest -= B^T x_i.
    const std::size_t rows = std::min(rows_at_once, n - i), columns = n - i - rows;
    for (std::size_t p = 0; p < rows; ++p) {
      corner[p * rows + p] = diagonal[i + p];
      for (std::size_t q = p + 1; q < rows; ++q)
        corner[p * rows + q] = corner[q * rows + p] = static_cast<double>(a[(i + p) * ld + i + q]);
    }
    gemm(false, false, rows, m, rows, -1.0, corner.data(), rows, x + i * m, m, 1.0, r + i * m, m);
    if (columns == 0) break;
    const double* b = nullptr;
    std::size_t stride = ld;
    if constexpr (std::is_same_v<T, double>) {
      b = a + i * ld + i + rows;
    } else {
      rest.resize(rows * columns);
      stride = columns;
      for (std::size_t p = 0; p < rows; ++p) widen(columns, a + (i + p) * ld + i + rows, rest.data() + p * columns);
      b = rest.data();
    }
    gemm(false, false, rows, m, columns, -1.0, b, stride, x + (i + rows) * m, m, 1.0, r + i * m, m);
    gemm(true, false, columns, m, rows, -1.0, b, stride, x + i * m, m, 1.0, r + (i + rows) * m, m);
  }
}

template <class T>
void gemm_widened(std::size_t m, std::size_t n, std::size_t k, double alpha, const T* a, std::size_t lda,
                  const double* b, double* c) {
  if constexpr (std::is_same_v<T, double>) {
    gemm(false, false, m, n, k, alpha, a, lda, b, n, 1.0, c, n);
  } else {
    std::vector<double> rows(std::min(m, rows_at_once) * k);
    for (std::size_t i = 0; i < m; i += rows_at_once) {
      const std::size_t count = std::min(rows_at_once, m - i);
      for (std::size_t p = 0; p < count; ++p) widen(k, a + (i + p) * lda, rows.data() + p * k);
      gemm(false, false, count, n, k, alpha, rows.data(), k, b, n, 1.0, c + i * n, n);
    }
  }
}

template <class T>
void cholesky_remove(std::size_t n, std::size_t index, T* a, std::size_t ld) {
  // Finds L with L L^T = L33 L33^T + w w^T row by row, where w is the column that leaves. Each row goes through the
  // rotations of the rows above it.
  std::vector<T> cosine, sine;
  cosine.reserve(n - index - 1);
  sine.reserve(n - index - 1);
  for (std::size_t i = index + 1; i < n; ++i) {
    T* row = a + i * ld + index + 1;
    T w = row[-1];
    for (std::size_t k = 0; k < cosine.size(); ++k) {
      const T l = row[k];
      row[k] = cosine[k] * l + sine[k] * w;
      w = cosine[k] * w - sine[k] * l;
    }
    T& pivot = row[i - index - 1];
    const T length = std::hypot(pivot, w);
    cosine.push_back(pivot / length);
    sine.push_back(w / length);
    pivot = length;
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (i == index) continue;
    const T* from = a + i * ld;
    T* to = a + (i > index ? i - 1 : i) * ld;
    if (to != from) std::copy(from, from + index, to);
    std::copy(from + index + 1, from + n, to + index);
  }
}

template <class T>
void add_block_grams(std::size_t rows, std::size_t n, std::size_t b, const T* a, double* out) {
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t first = 0; first < n; first += b)
      for (std::size_t p = 0; p < b; ++p) {
        const double value = static_cast<double>(a[row * n + first + p]);
        double* to = out + (first + p) * b;
        for (std::size_t q = 0; q < b; ++q) to[q] += value * static_cast<double>(a[row * n + first + q]);
      }
}

template <class T>
void widen(std::size_t n, const T* x, double* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<double>(x[i]);
}

#define XTANGENT_INSTANTIATE(T)                                                                                   \
  template Asymmetry asymmetry(std::size_t, const T*, std::size_t);                                               \
  template void mirror_upper(std::size_t, std::size_t, const double*, T*, std::size_t);                           \
  template void mirror_upper_serial(std::size_t, T*, std::size_t);                                                \
  template void residual_upper(std::size_t, const T*, std::size_t, const double*, std::size_t, const double*,     \
                               const double*, double*);                                                           \
  template void gemm_widened(std::size_t, std::size_t, std::size_t, double, const T*, std::size_t, const double*, \
                             double*);                                                                            \
  template void cholesky_remove(std::size_t, std::size_t, T*, std::size_t);                                       \
  template void add_block_grams(std::size_t, std::size_t, std::size_t, const T*, double*);                        \
  template void widen(std::size_t, const T*, double*);
XTANGENT_INSTANTIATE(double)
XTANGENT_INSTANTIATE(float)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
