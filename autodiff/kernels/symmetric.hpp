#pragma once

#include <cstddef>

/// Loops over symmetric matrices and their triangular factors. Row-major, rows `ld` elements apart; T = float, double.
namespace xtangent::kernels {

/// The largest entry of a (n, n), and the largest difference of an entry from its mirror image.
struct Asymmetry {
  double scale = 0;
  double skew = 0;
};
template <class T>
Asymmetry asymmetry(std::size_t n, const T* a, std::size_t ld);

/// Rows [first, last) of the lower triangle from the strict upper one, and of the diagonal from `diagonal` (n).
template <class T>
void mirror_upper(std::size_t first, std::size_t last, const double* diagonal, T* a, std::size_t ld);

/// The strict upper triangle of a (n, n) from the lower one.
void mirror_lower(std::size_t n, double* a);

/// The strict lower triangle of a (n, n) from the upper one.
void mirror_upper(std::size_t n, double* a);

/// r (n, m) = y - A x, in double, for A of the strict upper triangle of a and of `diagonal` (n). m columns.
template <class T>
void residual_upper(std::size_t n, const T* a, std::size_t ld, const double* diagonal, std::size_t m, const double* x,
                    const double* y, double* r);

/// c (m, n) += alpha a b for a (m, k) of T, b (k, n) and c in double. Sums in double; converts a tile at a time.
template <class T>
void gemm_widened(std::size_t m, std::size_t n, std::size_t k, double alpha, const T* a, std::size_t lda,
                  const double* b, double* c);

/// Row and column `index` leave a (n, n), whose lower triangle is a Cholesky factor: it stays the factor of what is
/// left (rank-1 update of the rows below by rotations: Golub and Van Loan, Matrix Computations, section 6.5). The
/// strict upper triangle loses the same row and column. 3 n^2 multiply-adds at most.
template <class T>
void cholesky_remove(std::size_t n, std::size_t index, T* a, std::size_t ld);

/// out (n / b, b, b) += the diagonal blocks of a^T a, a (rows, n); b divides n.
template <class T>
void add_block_grams(std::size_t rows, std::size_t n, std::size_t b, const T* a, double* out);

/// out = x
template <class T>
void widen(std::size_t n, const T* x, double* out);

}  // namespace xtangent::kernels
