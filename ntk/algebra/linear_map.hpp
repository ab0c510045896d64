#pragma once

#include <cstddef>
#include <functional>

#include "ntk/algebra/any_matrix.hpp"

namespace xtangent::ntk {

/// A symmetric matrix of order `size` that is only ever applied: `apply` takes columns (size, M) to (size, M). A formed
/// kernel, or an operator that never forms one.
struct LinearMap {
  std::size_t size = 0;
  std::function<Array<double>(const Array<double>&)> apply = {};

  /// apply() with its shapes and values checked. Throws shape_error (u, or what came back), numerical_error (not
  /// finite).
  Array<double> operator()(const Array<double>& u) const;
};

/// The map of a formed kernel (n, n), which it shares. Throws shape_error, numerical_error (not finite, not symmetric).
LinearMap linear_map(const AnyMatrix& kernel);

}  // namespace xtangent::ntk
