#pragma once

#include <vector>

#include "autodiff/array.hpp"

/// How far kernels are from one another.
namespace xtangent::ntk {

/// || Theta - K (x) I_O ||_F / || Theta ||_F of an eNTK (N1 O, N2 O) and a pNTK (N1, N2), without forming K (x) I.
/// Decreases as width^(-1/2): Mohamadi et al. 2023, theorem 1. Throws shape_error; numerical_error for Theta = 0.
double relative_frobenius(const Array<double>& entk, const Array<double>& pntk, std::size_t outputs);

/// || A - B ||_F / || B ||_F of two matrices of one shape.
double relative_difference(const Array<double>& a, const Array<double>& b);

/// <A, B>_F / (||A||_F ||B||_F): 1 for kernels that are multiples of each other (Cristianini et al. 2001).
double alignment(const Array<double>& a, const Array<double>& b);

/// 1 - alignment (Fort et al. 2020).
double kernel_distance(const Array<double>& a, const Array<double>& b);

/// Slope of log y against log x by least squares: the exponent of a power law. Needs two different x, all positive.
/// Throws shape_error, numerical_error.
double log_log_slope(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace xtangent::ntk
