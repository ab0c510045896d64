#pragma once

#include <cstddef>
#include <vector>

/// Large in-place factorizations in double, by LAPACK with all threads. Matrices are row-major and symmetric.
namespace xtangent::kernels {

/// Cholesky factor of a (n, n) in place: lower triangle L (row-major) with a = L L^T. Returns 0, or the order of the
/// first leading minor that is not positive definite.
std::size_t cholesky(std::size_t n, double* a);

/// Solves L L^T x = b in place for `count` right-hand sides, b (n, count) row-major.
void cholesky_solve(std::size_t n, const double* factor, std::size_t count, double* b);

/// Eigenvalues of a (n, n), ascending; a is overwritten. Throws numerical_error when LAPACK does not converge.
std::vector<double> symmetric_eigenvalues(std::size_t n, double* a);

/// Eigenvalues, ascending, and eigenvectors: row i of a becomes the eigenvector of eigenvalue i.
std::vector<double> symmetric_eigenvectors(std::size_t n, double* a);

}  // namespace xtangent::kernels
