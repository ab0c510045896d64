#pragma once

#include <vector>

#include "autodiff/array.hpp"

namespace xtangent::ntk {

/// Eigenvalues of a symmetric kernel (n, n), ascending. Cost: about 4 n^3 / 3 FLOP (LAPACK dsyevd); memory n^2 doubles.
/// Throws shape_error (not square, empty), numerical_error (not finite, not symmetric, no convergence).
std::vector<double> eigenvalues(const Array<double>& kernel);

/// Largest by smallest eigenvalue; infinity when the smallest is not positive. From ascending eigenvalues.
double condition_number(const std::vector<double>& eigenvalues);

/// 2 / largest eigenvalue: beyond it gradient descent on the squared error (sum over examples) diverges.
double maximal_learning_rate(const std::vector<double>& eigenvalues);

}  // namespace xtangent::ntk
