#pragma once

#include <cstddef>

/// Loops over symmetric matrices and their triangular factors. Matrices are row-major with rows `ld` elements apart; T
/// = float or double.
namespace xtangent::kernels {

/// The largest |entry| of a (n, n), and the largest |difference| between an entry and its mirror image.
struct Asymmetry {
  double scale = 0;
  double skew = 0;
};
template <class T>
Asymmetry asymmetry(std::size_t n, const T* a, std::size_t ld);

/// Sets rows [first, last) of the lower triangle from the strict upper triangle, and of the diagonal from `diagonal`
/// (n).
template <class T>
void mirror_upper(std::size_t first, std::size_t last, const double* diagonal, T* a, std::size_t ld);

/// Sets the strict upper triangle of a (n, n) from the lower one.
void mirror_lower(std::size_t n, double* a);

/// Sets the strict lower triangle of a (n, n) from the upper one.
void mirror_upper(std::size_t n, double* a);
/// The same in the calling thread only.
template <class T>
void mirror_upper_serial(std::size_t n, T* a, std::size_t ld);

/// r (n, m) = y - A x in double, where the symmetric A is given by the strict upper triangle of a and by `diagonal`
/// (n).
template <class T>
void residual_upper(std::size_t n, const T* a, std::size_t ld, const double* diagonal, std::size_t m, const double* x,
                    const double* y, double* r);

/// c (m, n) += alpha a b for a (m, k) of T, and b (k, n) and c in double. Sums are in double; `a` is converted a tile
/// at a time.
template <class T>
void gemm_widened(std::size_t m, std::size_t n, std::size_t k, double alpha, const T* a, std::size_t lda,
                  const double* b, double* c);

/// Removes row and column `index` from a (n, n), whose lower triangle is a Cholesky factor: it becomes the factor of
/// the matrix without them (a rank-1 update of the rows below by rotations: Golub and Van Loan, Matrix Computations,
/// section 6.5). The strict upper triangle loses the same row and column. Cost: at most 3 n^2 multiply-adds.
template <class T>
void cholesky_remove(std::size_t n, std::size_t index, T* a, std::size_t ld);

/// out (n / b, b, b) += the diagonal blocks of a^T a for a (rows, n); b must divide n.
template <class T>
void add_block_grams(std::size_t rows, std::size_t n, std::size_t b, const T* a, double* out);

/// out = x
template <class T>
void widen(std::size_t n, const T* x, double* out);

}  // namespace xtangent::kernels
