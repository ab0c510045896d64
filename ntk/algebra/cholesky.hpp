#pragma once

#include <cstddef>
#include <vector>

#include "autodiff/xtensor.hpp"

namespace xtangent::ntk {

struct CholeskyOptions {
  double ridge = 0;              ///< added to the diagonal
  bool relative = true;          ///< ridge is in units of the mean of the diagonal
  std::size_t refinements = 10;  ///< of each solution, at most; they end as soon as nothing is gained
};

/// K + ridge I = L L^T of a symmetric positive definite K, kept beside K, so that solutions can be refined and rows
/// come and go without factoring anew. T = float or double is the type of K and L; vectors are always in double.
///
/// K is factored in place when it is handed over: `Cholesky(std::move(k))` needs no second matrix. L fills the lower
/// triangle; the strict upper one keeps K, and with it the residual is computed. Cost: n^3 / 3 multiply-adds to factor,
/// by LAPACK on all threads.
template <class T>
class Cholesky {
 public:
  using Options = CholeskyOptions;
  struct Pivot {
    double value;  ///< L(row, row)^2: what the rows above leave of the diagonal entry
    std::size_t row;
  };

  /// Throws shape_error (not square, empty), option_error (ridge negative or not finite), numerical_error: K is not
  /// finite, not symmetric, or not positive definite. The last says the smallest pivot and its row, which earlier row
  /// it repeats if it repeats one, and a ridge to try.
  explicit Cholesky(Array<T> matrix, Options options = {});

  /// Order of K.
  std::size_t size() const { return size_; }
  /// The ridge that was added, absolute. Rows that are appended get the same.
  double ridge() const { return ridge_; }
  /// The pivot that is smallest beside its diagonal entry.
  Pivot smallest_pivot() const;
  double log_determinant() const;

  /// (K + ridge I)^-1 y for y (n,) or (n, M), refined: residuals are in double also where T is float, so that the
  /// solution is good to double if the condition of K stays below about 1e6. Cost: 2 n^2 multiply-adds a column, and as
  /// much again a refinement. Throws shape_error, numerical_error (y not finite).
  Array<double> solve(const Array<double>& y) const;
  /// L^-T L^-1 y without refinement: in T, and linear in y to the bit of its rounding. What a preconditioner needs.
  Array<double> solve_unrefined(const Array<double>& y) const;
  /// y - (K + ridge I) x, in double.
  Array<double> residual(const Array<double>& x, const Array<double>& y) const;

  /// b L^-T for b (M, n): its rows have the inner products of b K^-1 b^T. Throws shape_error.
  Array<T> whitened(Array<T> b) const;
  /// The blocks (n / b, b, b) on the diagonal of (K + ridge I)^-1. Cost: n^3 / 3 + n^2 b / 2 multiply-adds, memory
  /// n b or 64 n. Throws shape_error unless b divides n.
  Array<double> inverse_diagonal(std::size_t block = 1) const;

  /// m more rows and columns: `cross` (m, n) with the rows there are, `corner` (m, m) among themselves, both without
  /// ridge. Cost: n^2 m / 2 + n m^2 / 2 + m^3 / 6 multiply-adds. Throws as the constructor does and changes nothing
  /// then.
  void append(const Array<T>& cross, const Array<T>& corner);
  /// Rows and columns [first, first + count) leave; those behind move up. Cost: at most 3 n^2 multiply-adds each, in
  /// one thread. Throws shape_error when out of range or when nothing would be left.
  void remove(std::size_t first, std::size_t count = 1);
  /// Room for n rows, so that appending up to there copies nothing.
  void reserve(std::size_t n);

 private:
  std::size_t stride() const { return storage_.shape()[1]; }
  std::size_t factor_rows(std::size_t first, std::size_t last);
  void check_pivots(std::size_t first, std::size_t failed);
  [[noreturn]] void refuse(std::size_t row) const;

  std::size_t size_ = 0, refinements_ = 0;
  double ridge_ = 0;
  Array<T> storage_;              // (room, room): L below and on the diagonal, K above
  std::vector<double> diagonal_;  // of K + ridge I
};

template <class E>
Cholesky(const xt::xexpression<E>&, CholeskyOptions = {})
    -> Cholesky<std::conditional_t<std::is_same_v<typename E::value_type, float>, float, double>>;

extern template class Cholesky<float>;
extern template class Cholesky<double>;

}  // namespace xtangent::ntk
