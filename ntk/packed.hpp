#pragma once

#include "ntk/algebra/linear_map.hpp"

namespace xtangent::ntk {

/// A symmetric kernel of order n in half the memory: its upper triangle, row after row, n (n + 1) / 2 doubles.
class PackedKernel {
 public:
  /// Throws shape_error unless there are n (n + 1) / 2 values.
  PackedKernel(std::size_t n, Array<double> values);

  std::size_t size() const { return n_; }
  const Array<double>& values() const { return values_; }
  /// Throws shape_error when out of range.
  double operator()(std::size_t i, std::size_t j) const;
  /// The whole matrix (n, n).
  Array<double> dense() const;
  /// The kernel as a map of columns, for Lanczos and conjugate gradients; shares the values. Cost of a product: n^2
  /// multiply-adds a column.
  LinearMap map() const;
  /// Where row i of the upper triangle begins among the values.
  static std::size_t start_of_row(std::size_t n, std::size_t i) { return i * n - (i * i - i) / 2; }

 private:
  std::size_t n_;
  Array<double> values_;
};

}  // namespace xtangent::ntk
