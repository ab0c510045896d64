#pragma once

#include "autodiff/array.hpp"

/// Checks that functions on kernels share. `who` names the function in messages.
namespace xtangent::ntk {

/// Throws shape_error (not square, empty), numerical_error (not finite, not symmetric beyond rounding).
template <class T>
void check_symmetric(const char* who, const Array<T>& kernel);

/// y (n,) or (n, M), finite. Throws shape_error, numerical_error.
void check_rhs(const char* who, const Array<double>& y, std::size_t n);

/// Targets and initial outputs (N, O) for a kernel of order n = N or N O: right-hand sides, O or 1. Throws shape_error.
std::size_t columns_of_targets(const char* who, const Array<double>& y, const Array<double>& f0, std::size_t n);

}  // namespace xtangent::ntk
