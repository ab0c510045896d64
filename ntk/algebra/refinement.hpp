#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "autodiff/array.hpp"
#include "autodiff/kernels/columns.hpp"

/// Solutions by a factor that is less exact than the matrix.
namespace xtangent::ntk {

/// Calls `in_place` (a pointer to n x m numbers of T, m) with the columns of y (n,) or (n, m), and returns what it
/// makes of them in double. The columns are scaled before, so that small ones do not vanish in T, and so that what lies
/// between y and the solution, which is of the size of y divided by the square root of the kernel's `largest` entry, is
/// near 1. The scale is a power of two times the column's largest entry.
template <class T, class F>
Array<double> in_scaled_columns(const Array<double>& y, std::size_t n, double largest, const F& in_place) {
  const std::size_t columns = y.size() / n;
  std::vector<double> scale(columns);
  kernels::column_maxima(n, columns, y.data(), scale.data());
  for (double& s : scale) s = std::ldexp(s, -std::ilogb(largest) / 2);
  Array<T> d(y.shape());
  kernels::divide_columns(n, columns, scale.data(), y.data(), d.mutable_data());
  in_place(d.mutable_data(), columns);
  Array<double> x = Array<double>::zeros(y.shape());
  kernels::add_columns(n, columns, scale.data(), d.data(), x.mutable_data());
  return x;
}

/// The solution of a symmetric positive definite system of order n for y (n,) or (n, m): `solve(y)`, improved at most
/// `most` times. With a factor in double that is by `solve(residual(x, y))`, until a step does not halve the residual
/// of the worst column. With a `single` one it is by conjugate gradients with `solve` as preconditioner, until the
/// residual is rounding (Higham and Pranesh: Exploiting lower precision arithmetic in solving symmetric positive
/// definite linear systems and least squares problems, 2021). Either calls both functions once for each step. `who`
/// names the function in messages. Throws numerical_error (the solution overflows).
Array<double> refined(const char* who, const Array<double>& y, std::size_t n, std::size_t most, bool single,
                      const std::function<Array<double>(const Array<double>& y)>& solve,
                      const std::function<Array<double>(const Array<double>& x, const Array<double>& y)>& residual);

/// -(y^T x + log_determinant + n log(2 pi)) / 2 for each column of y (n,) or (n, m) and of x = K^-1 y: (m,).
Array<double> log_evidences(const Array<double>& y, const Array<double>& x, std::size_t n, double log_determinant);

}  // namespace xtangent::ntk
