#pragma once

#include <cmath>
#include <limits>
#include <string>

#include "nn/parameters.hpp"

/// Checks that functions on kernels share. `who` names the function in messages.
namespace xtangent::ntk {

/// Throws shape_error (not square, empty), numerical_error (not finite, not symmetric beyond rounding).
template <class T>
void check_symmetric(const char* who, const Array<T>& kernel);

/// What rounding may leave of a pivot of a Cholesky factor of order n that is zero, in units of the diagonal entry.
template <class T>
double pivot_rounding(std::size_t n) {
  return 8 * std::sqrt(static_cast<double>(n)) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// y (n,) or (n, M), finite. Throws shape_error, numerical_error.
void check_rhs(const char* who, const Array<double>& y, std::size_t n);

/// Examples (N, ...), called `which` in messages: at least one, finite. Throws shape_error, numerical_error (the
/// example).
template <class T>
void check_examples(const char* who, const Array<T>& x, const char* which);

/// Two sets of examples of one shape. Throws shape_error.
template <class T>
void check_same_shape(const char* who, const Array<T>& x1, const Array<T>& x2);

/// Finite. Throws numerical_error (the name of the parameter).
template <class T>
void check_parameters(const char* who, const nn::Parameters<T>& params);
[[noreturn]] void refuse_parameter(const char* who, const std::string& name);

/// Targets and initial outputs (N, O) for a kernel of order n = N or N O: right-hand sides, O or 1. Throws shape_error.
std::size_t columns_of_targets(const char* who, const Array<double>& y, const Array<double>& f0, std::size_t n);

}  // namespace xtangent::ntk
