#pragma once

#include <vector>

#include "ntk/algebra/any_matrix.hpp"

/// How far kernels are from one another. Kernels are Arrays of float or double, one of each too, or xtensor
/// expressions; sums are in double.
/// Cost: one pass over the entries. All throw shape_error where shapes do not fit, numerical_error where a kernel that
/// divides is zero or not finite.
namespace xtangent::ntk {

/// || Theta - K (x) I_O ||_F / || Theta ||_F of an eNTK (N1 O, N2 O) and a pNTK (N1, N2), without forming K (x) I.
/// Decreases as width^(-1/2): Mohamadi et al. 2023, theorem 1.
double relative_frobenius(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs);

/// || A - B ||_F / || B ||_F of two matrices of one shape.
double relative_difference(const AnyMatrix& a, const AnyMatrix& b);

/// <A, B>_F / (||A||_F ||B||_F): 1 for kernels that are multiples of each other (Cristianini et al. 2001).
double alignment(const AnyMatrix& a, const AnyMatrix& b);
/// Of an eNTK (N1 O, N2 O) and K (x) I_O for a pNTK K (N1, N2), without forming it.
double alignment(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs);
/// Of H A H and H B H, H = I - 1 1^T / n: blind to what is constant over the examples. A and B (n, n). Cortes, Mohri
/// and Rostamizadeh, Algorithms for Learning Kernels Based on Centered Alignment, 2012, definition 4.
double centered_alignment(const AnyMatrix& a, const AnyMatrix& b);

/// 1 - alignment (Fort et al. 2020): from 0 to 1 for kernels. Between kernels at two times of training, over the time
/// between, it is the kernel's velocity.
double kernel_distance(const AnyMatrix& a, const AnyMatrix& b);
double kernel_distance(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs);

/// |a - b| / |b| of the ends of two spectra: those of K (x) I are those of K, so that a pNTK stands beside an eNTK.
struct SpectrumDifference {
  double lambda_max = 0;
  double lambda_min = 0;
  double condition = 0;  ///< of largest over smallest eigenvalue
};
/// From ascending eigenvalues, or from the smallest and the largest alone. `exact` is what is divided by; where it is
/// zero the difference is infinite, or 0 if both are.
SpectrumDifference spectrum_difference(const std::vector<double>& approximate, const std::vector<double>& exact);

/// Slope of log y against log x by least squares: the exponent of a power law. Needs two different x, all positive.
/// Throws shape_error, numerical_error.
double log_log_slope(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace xtangent::ntk
