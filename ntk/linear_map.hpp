#pragma once

#include <cstddef>
#include <functional>

#include "autodiff/xtensor.hpp"

namespace xtangent::ntk {

/// A matrix for functions that compute in double: from an Array<double> without a copy, from an Array<float> or any
/// xtensor expression by one. Functions that take it by value work in place when it was handed over with std::move.
struct AnyMatrix {
  Array<double> values;
  AnyMatrix(Array<double> matrix) : values(std::move(matrix)) {}
  AnyMatrix(const Array<float>& matrix);
  template <class E>
  AnyMatrix(const xt::xexpression<E>& matrix) : values(matrix) {}
};

/// A symmetric matrix of order `size` that is only ever applied: `apply` takes columns (size, M) to (size, M). A formed
/// kernel, or an operator that never forms one.
struct LinearMap {
  std::size_t size = 0;
  std::function<Array<double>(const Array<double>&)> apply;

  /// apply() with its shapes and values checked. Throws shape_error (u, or what came back), numerical_error (not
  /// finite).
  Array<double> operator()(const Array<double>& u) const;
};

/// The map of a formed kernel (n, n), which it shares. Throws shape_error, numerical_error (not finite, not symmetric).
LinearMap linear_map(const AnyMatrix& kernel);

}  // namespace xtangent::ntk
