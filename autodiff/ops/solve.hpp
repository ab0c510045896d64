#pragma once

#include "autodiff/op.hpp"

namespace xtangent {

/// a^-1 b for a symmetric positive definite a (n, n) and b (..., n, m), by Cholesky. Only the symmetric part (a + a^T)
/// / 2 of a is used, so its derivative is symmetric. Throws shape_error, and numerical_error naming the leading minor
/// that is not positive. Cost: n^3 / 6 + n^2 m multiply-adds, and as much for each derivative.
template <class T>
Var<T> solve_positive_definite(const Var<T>& a, const Var<T>& b);

/// a^-1 b, or with `transpose` the inverse of a^T times b, for square matrices a (..., n, n) and b (..., n, m); leading
/// axes broadcast, so that each example may have a matrix of its own. By LU with partial pivoting; derivatives solve
/// again. Throws numerical_error for a pivot that is exactly 0, and shape_error. Cost: 2/3 n^3 + 2
/// n^2 m FLOP for each matrix.
template <class T>
Var<T> solve(const Var<T>& a, const Var<T>& b, bool transpose = false);

}  // namespace xtangent
