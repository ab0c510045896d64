#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/parameters.hpp"

/// Checks that functions on kernels share. `who` names the function in messages.
namespace xtangent::ntk {

/// Throws shape_error (the kernel is not square or is empty), numerical_error (it is not finite, or not symmetric up to
/// rounding).
template <class T>
void check_symmetric(const char* who, const Array<T>& kernel);

/// The size that rounding may give a pivot that is zero, in a Cholesky factor of order n and in units of the diagonal
/// entry.
template <class T>
double pivot_rounding(std::size_t n) {
  return 8 * std::sqrt(static_cast<double>(n)) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// Throws option_error for a ridge that is negative or not finite.
void check_ridge(const char* who, double ridge);
/// The ridge for a kernel with this diagonal: as it is, or in units of the mean of the diagonal.
double absolute_ridge(const std::vector<double>& diagonal, double ridge, bool relative);
/// Refuses a kernel whose products T does not resolve, because they are smaller than its rounding of the smallest
/// numbers. Throws numerical_error.
template <class T>
void check_resolved(const char* who, const std::vector<double>& diagonal);

/// Checks that y is (n,) or (n, m) and finite. Throws shape_error, numerical_error.
void check_rhs(const char* who, const Array<double>& y, std::size_t n);

/// Checks that there is a finite miss for each of n training examples: (n,). Throws shape_error, numerical_error.
void check_misses(const char* who, const Array<double>& misses, std::size_t n);

/// Checks that there are at least `least` examples in x (N, ...) and that all are finite. Messages call x `which`.
/// Throws shape_error, numerical_error (the message names the example).
template <class T>
void check_examples(const char* who, const Array<T>& x, const char* which, std::size_t least = 1);

/// Checks that the examples of two sets have the same shape. Throws shape_error.
template <class T>
void check_same_shape(const char* who, const Array<T>& x1, const Array<T>& x2);

/// Checks that all parameters are finite. Throws numerical_error (the message names the parameter).
template <class T>
void check_parameters(const char* who, const nn::Parameters<T>& params);
[[noreturn]] void refuse_parameter(const char* who, const std::string& name);

/// The number of right-hand sides, O or 1, that targets and initial outputs (N, O) make for a kernel of order n = N or
/// n = N O. Throws shape_error.
std::size_t columns_of_targets(const char* who, const Array<double>& y, const Array<double>& f0, std::size_t n);

}  // namespace xtangent::ntk
