#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "autodiff/array.hpp"
#include "tests/testing.hpp"

/// Small matrices, and the simplest ways to compute with them.
namespace xtangent::testing {

/// A A^T + shift I for a random A (n, n), uniform on [-1, 1).
inline Array<double> positive_matrix(std::size_t n, double shift = 0.1, const char* name = "positive") {
  Random random(name);
  const Array<double> a = random_array(random, {n, n});
  Array<double> k = Array<double>::zeros({n, n});
  double* to = k.mutable_data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t l = 0; l < n; ++l) to[i * n + j] += a[i * n + l] * a[j * n + l];
      if (i == j) to[i * n + j] += shift;
    }
  return k;
}

inline Array<double> identity(std::size_t n, double value = 1) {
  Array<double> out = Array<double>::zeros({n, n});
  for (std::size_t i = 0; i < n; ++i) out.mutable_data()[i * n + i] = value;
  return out;
}

inline Array<double> product(const Array<double>& a, const Array<double>& b) {
  const std::size_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[1];
  Array<double> out = Array<double>::zeros({m, n});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t l = 0; l < k; ++l)
      for (std::size_t j = 0; j < n; ++j) to[i * n + j] += a[i * k + l] * b[l * n + j];
  return out;
}

inline Array<double> transposed(const Array<double>& a) {
  const std::size_t m = a.shape()[0], n = a.shape()[1];
  Array<double> out({n, m});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) out.mutable_data()[j * m + i] = a[i * n + j];
  return out;
}

/// a + factor b
inline Array<double> plus(const Array<double>& a, const Array<double>& b, double factor = 1) {
  Array<double> out(a.shape());
  for (std::size_t i = 0; i < a.size(); ++i) out.mutable_data()[i] = a[i] + factor * b[i];
  return out;
}

/// a^-1 b, by elimination with row exchanges in long double.
inline Array<double> eliminated(const Array<double>& a, const Array<double>& b) {
  const std::size_t n = a.shape()[0], m = b.size() / n;
  std::vector<long double> work(a.data(), a.data() + a.size()), x(b.data(), b.data() + b.size());
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k; i < n; ++i)
      if (std::abs(work[i * n + k]) > std::abs(work[pivot * n + k])) pivot = i;
    for (std::size_t j = 0; j < n; ++j) std::swap(work[k * n + j], work[pivot * n + j]);
    for (std::size_t j = 0; j < m; ++j) std::swap(x[k * m + j], x[pivot * m + j]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const long double factor = work[i * n + k] / work[k * n + k];
      for (std::size_t j = k; j < n; ++j) work[i * n + j] -= factor * work[k * n + j];
      for (std::size_t j = 0; j < m; ++j) x[i * m + j] -= factor * x[k * m + j];
    }
  }
  Array<double> out(b.shape());
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      out.mutable_data()[i * m + j] = static_cast<double>(x[i * m + j] / work[i * n + i]);
  return out;
}

/// The matrix of the entries of a (., n) at these rows and columns.
inline Array<double> picked(const Array<double>& a, const std::vector<std::size_t>& rows,
                            const std::vector<std::size_t>& columns) {
  Array<double> out({rows.size(), columns.size()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < columns.size(); ++j)
      out.mutable_data()[i * columns.size() + j] = a[rows[i] * a.shape()[1] + columns[j]];
  return out;
}

/// first ... last - 1
inline std::vector<std::size_t> range(std::size_t first, std::size_t last) {
  std::vector<std::size_t> out;
  for (std::size_t i = first; i < last; ++i) out.push_back(i);
  return out;
}

/// The largest |a - b| divided by the largest |b|.
inline double relative_error(const Array<double>& a, const Array<double>& b) {
  double worst = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
    size = std::max(size, std::abs(b[i]));
  }
  return a.shape() == b.shape() ? worst / size : 1 / 0.0;
}

}  // namespace xtangent::testing
