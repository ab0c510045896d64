#pragma once

#include <cstddef>
#include <vector>

/// Large dense factorizations and triangular products in place, by BLAS and LAPACK with all threads. Matrices are
/// row-major with rows `ld` elements apart. The triangle that is used is the lower one unless another is named; the
/// other triangle is neither read nor written. T = float or double.
namespace xtangent::kernels {

enum class Triangle { lower, upper };

/// Replaces a (n, n) by its Cholesky factor: the lower triangle becomes L with a = L L^T, or the upper one L^T. Returns
/// 0, or the order of the first leading minor that is not positive definite.
template <class T>
std::size_t cholesky(std::size_t n, T* a, std::size_t ld, Triangle triangle = Triangle::lower);

/// b (n, count) <- L^-1 b, or L^-T b with `transpose`, for L in the lower triangle or L^T in the upper one.
template <class T>
void triangular_solve(bool transpose, std::size_t n, const T* l, std::size_t ld, std::size_t count, T* b,
                      std::size_t ldb, Triangle triangle = Triangle::lower);
/// The same in the calling thread alone.
template <class T>
void triangular_solve_serial(bool transpose, std::size_t n, const T* l, std::size_t ld, std::size_t count, T* b,
                             std::size_t ldb, Triangle triangle = Triangle::lower);

/// b (rows, n) <- b L^-T
template <class T>
void triangular_solve_rows(std::size_t n, const T* l, std::size_t ld, std::size_t rows, T* b, std::size_t ldb);

/// The lower triangle of c (n, n) += alpha a a^T for a (n, k).
template <class T>
void symmetric_product(std::size_t n, std::size_t k, T alpha, const T* a, std::size_t lda, T* c, std::size_t ldc);

/// Solves `count` systems side by side, by LU with partial pivoting: b (n, m) <- a^-1 b, or a^-T b with `transpose`,
/// for each a (n, n), which is overwritten. Returns the number of the first singular matrix, or `count`.
template <class T>
std::size_t lu_solve(std::size_t count, std::size_t n, std::size_t m, bool transpose, T* a, T* b);

/// The eigenvalues of a (n, n), ascending; a is overwritten. Throws numerical_error when LAPACK does not converge.
std::vector<double> symmetric_eigenvalues(std::size_t n, double* a);

/// The same, and row i of a becomes the eigenvector of eigenvalue i. By divide and conquer (dsyevd) up to the order
/// `divided`, the largest for which its workspace can be told in LAPACK's 32-bit sizes, and above by relatively robust
/// representations (dsyevr). Memory: 2 n^2 doubles more, or n^2 above `divided`.
std::vector<double> symmetric_eigenvectors(std::size_t n, double* a, std::size_t divided = 32766);

}  // namespace xtangent::kernels
