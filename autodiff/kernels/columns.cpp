#include "autodiff/kernels/columns.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace xtangent::kernels {

template <class To>
void divide_columns(std::size_t n, std::size_t m, const double* scale, const double* x, To* out) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      out[i * m + j] = scale[j] == 0 ? To(0) : static_cast<To>(x[i * m + j] / scale[j]);
}

template <class From>
void add_columns(std::size_t n, std::size_t m, const double* scale, const From* x, double* out) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) out[i * m + j] += scale[j] * static_cast<double>(x[i * m + j]);
}

void add_columns_at(std::size_t n, std::size_t m, const std::vector<std::size_t>& at, const double* scale,
                    const double* x, double* out) {
  const std::size_t count = at.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < count; ++j) out[i * m + at[j]] += scale[j] * x[i * count + j];
}

void column_maxima(std::size_t n, std::size_t m, const double* x, double* out) {
  std::fill_n(out, m, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      const double value = std::abs(x[i * m + j]);
      if (!std::isnan(out[j]) && !(value <= out[j])) out[j] = value;
    }
}

void scale_add_columns(std::size_t n, std::size_t m, const double* scale, const double* x, double* y) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) y[i * m + j] = x[i * m + j] + scale[j] * y[i * m + j];
}

void column_dots(std::size_t n, std::size_t m, const double* a, const double* b, double* out) {
  constexpr std::size_t rows = 256;  // short sums round less
  std::vector<double> part(m);
  std::fill_n(out, m, 0.0);
  for (std::size_t first = 0; first < n; first += rows) {
    std::fill(part.begin(), part.end(), 0.0);
    for (std::size_t i = first; i < std::min(n, first + rows); ++i)
      for (std::size_t j = 0; j < m; ++j) part[j] += a[i * m + j] * b[i * m + j];
    for (std::size_t j = 0; j < m; ++j) out[j] += part[j];
  }
}

template void divide_columns(std::size_t, std::size_t, const double*, const double*, float*);
template void divide_columns(std::size_t, std::size_t, const double*, const double*, double*);
template void add_columns(std::size_t, std::size_t, const double*, const float*, double*);
template void add_columns(std::size_t, std::size_t, const double*, const double*, double*);

}  // namespace xtangent::kernels
