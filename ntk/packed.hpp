#pragma once

#include "ntk/algebra/linear_map.hpp"

namespace xtangent::ntk {

/// A symmetric kernel of order n in half the memory. It holds the upper triangle row after row, which is n (n + 1) / 2
/// doubles.
class PackedKernel {
 public:
  /// Throws shape_error unless there are n (n + 1) / 2 values.
  PackedKernel(std::size_t n, Array<double> values);

  std::size_t size() const { return n_; }
  const Array<double>& values() const { return values_; }
  /// Entry (i, j) of the matrix. Throws shape_error if it is out of range.
  double operator()(std::size_t i, std::size_t j) const;
  /// The whole matrix (n, n).
  Array<double> dense() const;
  /// The kernel as a map for Lanczos and conjugate gradients, which shares the values. Cost of a product: n^2
  /// multiply-adds for each column.
  LinearMap map() const;
  /// The place among the values at which row i of the upper triangle of a matrix of order n begins.
  static std::size_t start_of_row(std::size_t n, std::size_t i) { return i * n - (i * i - i) / 2; }

 private:
  std::size_t n_;
  Array<double> values_;
};

}  // namespace xtangent::ntk
