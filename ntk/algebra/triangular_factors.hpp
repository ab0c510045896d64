#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "autodiff/kernels/lapack.hpp"
#include "autodiff/xtensor.hpp"
#include "ntk/sink.hpp"

namespace xtangent::ntk {

/// Cholesky factors of several kernels of one order n, two in an array (n + 1, n): one on and above the diagonal, the
/// other below the diagonal that lies a row further down. Half the memory of a `Cholesky` each, which keeps its kernel
/// to refine solutions: these are for preconditioners. T = float or double; vectors are in double.
template <class T>
class TriangularFactors {
 public:
  /// Throws shape_error for no rows.
  TriangularFactors(std::size_t count, std::size_t n);
  static double bytes(std::size_t count, std::size_t n);

  std::size_t size() const { return n_; }
  std::size_t count() const { return count_; }

  /// Where the tiles of all kernels go, planes of one shape (readout::diagonal). Must not outlive the factors. Throws
  /// shape_error for another number of planes, another order, or two sets of examples.
  std::unique_ptr<TileSink> tiles(const KernelShape& shape);
  /// Each kernel + ridge I becomes its factor. Cost: n^3 / 3 multiply-adds each, on all threads. Throws
  /// numerical_error: one is not positive definite (the row).
  void factor(double ridge);

  /// y (count, n, M) <- (K_j + ridge I)^-1 y_j for each j, factors in parallel. Each column is scaled, so that small
  /// ones do not vanish in T. Cost: 2 n^2 multiply-adds a column.
  void solve(Array<double>& y) const;

 private:
  void factor_one(std::size_t j, double ridge);
  kernels::Triangle triangle(std::size_t j) const {
    return j % 2 ? kernels::Triangle::lower : kernels::Triangle::upper;
  }
  // Where its first element stands in its pair.
  std::size_t offset(std::size_t j) const { return j % 2 * n_; }

  std::size_t count_, n_;
  std::vector<Array<T>> pairs_;
};

extern template class TriangularFactors<float>;
extern template class TriangularFactors<double>;

}  // namespace xtangent::ntk
