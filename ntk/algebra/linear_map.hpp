#pragma once

#include <cstddef>
#include <functional>

#include "ntk/algebra/any_matrix.hpp"

namespace xtangent::ntk {

/// A symmetric matrix of order `size` that is only applied: `apply` takes columns (size, m) to (size, m). It may be a
/// formed kernel or an operator that never forms one.
struct LinearMap {
  std::size_t size = 0;
  std::function<Array<double>(const Array<double>&)> apply = {};

  /// Calls `apply` and checks shapes and values. Throws shape_error (u or the result does not fit), numerical_error
  /// (the result is not finite).
  Array<double> operator()(const Array<double>& u) const;
};

/// The map of a formed kernel (n, n), which it shares. Throws shape_error, numerical_error (the kernel is not finite or
/// not symmetric).
LinearMap linear_map(const AnyMatrix& kernel);

}  // namespace xtangent::ntk
