#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "autodiff/kernels/lapack.hpp"
#include "autodiff/xtensor.hpp"
#include "ntk/sink.hpp"

namespace xtangent::ntk {

/// Cholesky factors of several kernels of the same order n. Two factors share an array (n + 1, n): one is on and above
/// the diagonal, the other is below it, a row further down. So a factor takes half the memory of a `Cholesky`, which
/// keeps its kernel to refine solutions. Preconditioners need no refinement. T = float or double; vectors are in
/// double.
template <class T>
class TriangularFactors {
 public:
  /// Room for `count` factors of order n. Throws shape_error (n is 0).
  TriangularFactors(std::size_t count, std::size_t n);
  /// Bytes that `count` factors of order n take.
  static double bytes(std::size_t count, std::size_t n);

  std::size_t size() const { return n_; }
  std::size_t count() const { return count_; }

  /// A sink for the tiles of all kernels, which are the planes of one shape (see readout::diagonal). It must not
  /// outlive the factors. Throws shape_error (the number of planes or the order does not fit, or there are two sets of
  /// examples).
  std::unique_ptr<TileSink> tiles(const KernelShape& shape);
  /// Replaces each kernel by the factor of kernel + ridge I. Cost: n^3 / 3 FLOP for each, on all threads.
  /// Throws numerical_error (a kernel is not positive definite; the message names the row).
  void factor(double ridge);

  /// Replaces y_j by (K_j + ridge I)^-1 y_j for each kernel j, in parallel; y is (count, n, m). Each column is scaled,
  /// so that small ones do not vanish in T. Cost: 2 n^2 FLOP for each column.
  void solve(Array<double>& y) const;

 private:
  void factor_one(std::size_t j, double ridge);
  kernels::Triangle triangle(std::size_t j) const {
    return j % 2 ? kernels::Triangle::lower : kernels::Triangle::upper;
  }
  // The place of the first element of factor j in the array of its pair.
  std::size_t offset(std::size_t j) const { return j % 2 * n_; }

  std::size_t count_, n_;
  std::vector<Array<T>> pairs_;
};

extern template class TriangularFactors<float>;
extern template class TriangularFactors<double>;

}  // namespace xtangent::ntk
