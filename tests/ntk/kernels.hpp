#pragma once

#include <limits>

#include "ntk/compare.hpp"
#include "ntk/plan.hpp"

/// How tests compare kernels with each other.
namespace xtangent::testing {

constexpr ntk::Strategy all_strategies[] = {ntk::Strategy::automatic, ntk::Strategy::structured,
                                            ntk::Strategy::jacobian, ntk::Strategy::vector_products};

/// The relative difference of matrices, or of several matrices, which must have the same shapes.
inline double kernel_difference(const Array<double>& a, const Array<double>& b) {
  if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  const Shape flat{a.size() / a.shape().back(), a.shape().back()};
  return ntk::relative_difference(a.reshaped(flat), b.reshaped(flat));
}

/// A matrix, or each of several matrices.
inline bool symmetric_to_the_bit(const Array<double>& k) {
  const std::size_t n = k.shape().back(), planes = k.size() / (n * n);
  for (std::size_t p = 0; p < planes; ++p)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (k[(p * n + i) * n + j] != k[(p * n + j) * n + i]) return false;
  return true;
}

}  // namespace xtangent::testing
