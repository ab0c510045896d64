#pragma once

#include <cstddef>
#include <vector>

#include "autodiff/xtensor.hpp"

namespace xtangent::ntk {

struct CholeskyOptions {
  double ridge = 0;              ///< added to the diagonal
  bool relative = true;          ///< the ridge is in units of the mean of the diagonal
  std::size_t refinements = 30;  ///< largest number for each solution; they end as soon as nothing is gained
};

/// The factorization K + ridge I = L L^T of a symmetric positive definite K. L is kept beside K, so that solutions can
/// be refined, and rows can be appended and removed without factoring anew. T = float or double is the type of K and L;
/// vectors are always in double.
///
/// `Cholesky(std::move(k))` factors in place and needs no second matrix. L fills the lower triangle; the strict upper
/// triangle keeps K, from which residuals are computed. Cost: n^3 / 3 FLOP to factor, by LAPACK on all
/// threads.
template <class T>
class Cholesky {
 public:
  using Options = CholeskyOptions;
  struct Pivot {
    double value;  ///< L(row, row)^2, which is what the rows above leave of the diagonal entry
    std::size_t row;
  };

  /// Throws shape_error (K is not square or is empty), option_error (the ridge is negative or not finite),
  /// numerical_error (K is not finite, not symmetric, not positive definite, or so small that T does not resolve
  /// products of its entries). If it is not positive definite, the message names the smallest pivot and its row, the
  /// earlier row that it repeats if there is one, and a ridge to try.
  explicit Cholesky(Array<T> matrix, Options options = {});

  /// The order n of K.
  std::size_t size() const { return size_; }
  /// The ridge that was added, absolute. Rows that are appended get the same.
  double ridge() const { return ridge_; }
  /// The pivot that is smallest relative to its diagonal entry.
  Pivot smallest_pivot() const;
  double log_determinant() const;
  /// The logarithms of the determinants of all leading minors of K + ridge I, (n,).
  Array<double> log_determinants() const;
  /// K (n, n), without the ridge. Cost: one pass. Memory: n^2 elements.
  Array<T> matrix() const;

  /// (K + ridge I)^-1 y for y (n,) or (n, m), refined. Residuals are in double even if T is float, and conjugate
  /// gradients then make the solution as accurate as that of a factor in double. Cost: 2 n^2 FLOP for each column, and
  /// twice as many for each refinement. Throws shape_error, numerical_error (y is not finite).
  Array<double> solve(const Array<double>& y) const;
  /// The logarithm of the density of y under a Gaussian process with covariance K + ridge I, for each column of y (n,)
  /// or (n, m): (m,). `x` is solve(y) where that is there already. Rasmussen and Williams, equation 2.30. Throws what
  /// solve() throws.
  Array<double> log_evidence(const Array<double>& y, const Array<double>& x = {}) const;
  /// L^-T L^-1 y in T, without refinement. It is linear in y up to rounding, as a preconditioner must be.
  Array<double> solve_unrefined(const Array<double>& y) const;
  /// y - (K + ridge I) x, in double.
  Array<double> residual(const Array<double>& x, const Array<double>& y) const;

  /// b L^-T for b (m, n). The inner products of its rows are b (K + ridge I)^-1 b^T. Throws shape_error.
  Array<T> whitened(Array<T> b) const;
  /// The blocks on the diagonal of (K + ridge I)^-1, (n / b, b, b) for blocks of order b. Cost: n^3 / 6 + n^2 b / 2
  /// multiply-adds. Memory: the larger of n b and 64 n elements. Throws shape_error unless b divides n.
  Array<double> inverse_diagonal(std::size_t block = 1) const;

  /// Appends m rows and columns: `cross` (m, n) is the kernel between the new rows and those that are there, `corner`
  /// (m, m) the kernel of the new rows among themselves, both without ridge. Cost: n^2 m / 2 + n m^2 / 2 + m^3 / 6
  /// multiply-adds. Throws what the constructor throws, and then changes nothing.
  void append(const Array<T>& cross, const Array<T>& corner);
  /// Removes rows and columns [first, first + count); those behind them move up. Cost: at most 3 n^2 multiply-adds for
  /// each, in one thread. Throws shape_error (out of range, or nothing would be left).
  void remove(std::size_t first, std::size_t count = 1);
  /// Makes room for n rows, so that appending up to there copies nothing.
  void reserve(std::size_t n);

 private:
  std::size_t stride() const { return storage_.shape()[1]; }
  std::size_t factor_rows(std::size_t first, std::size_t last);
  void check_pivots(std::size_t first, std::size_t failed);
  [[noreturn]] void refuse(std::size_t row) const;

  std::size_t size_ = 0, refinements_ = 0;
  double ridge_ = 0;
  Array<T> storage_;              // (room, room): L below and on the diagonal, K above
  std::vector<double> diagonal_;  // the diagonal of K + ridge I
};

template <class E>
Cholesky(const xt::xexpression<E>&, CholeskyOptions = {})
    -> Cholesky<std::conditional_t<std::is_same_v<typename E::value_type, float>, float, double>>;

extern template class Cholesky<float>;
extern template class Cholesky<double>;

}  // namespace xtangent::ntk
