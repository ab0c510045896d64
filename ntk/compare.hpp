#pragma once

#include <vector>

#include "ntk/algebra/any_matrix.hpp"

/// Measures of how far kernels are from one another. A kernel is an Array of float or double or an xtensor expression,
/// and the two that are compared may differ in type. Sums are in double. Cost: one pass over the entries. All functions
/// throw shape_error where shapes do not fit, and numerical_error where a kernel by whose norm they divide is zero or
/// not finite.
namespace xtangent::ntk {

/// || Theta - K (x) I_O ||_F / || Theta ||_F for an eNTK Theta (N1 O, N2 O) and a pNTK K (N1, N2), without forming K
/// (x) I_O. Decreases at least as fast as width^(-1/2): Mohamadi et al. 2023, theorem 1.
double relative_frobenius(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs);

/// || A - B ||_F / || B ||_F for two matrices of the same shape.
double relative_difference(const AnyMatrix& a, const AnyMatrix& b);

/// <A, B>_F / (||A||_F ||B||_F): 1 for kernels that are multiples of each other (Cristianini et al. 2001).
double alignment(const AnyMatrix& a, const AnyMatrix& b);
/// The alignment of an eNTK (N1 O, N2 O) with K (x) I_O for a pNTK K (N1, N2), without forming K (x) I_O.
double alignment(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs);
/// The alignment of H A H with H B H for A and B (n, n), where H = I - 1 1^T / n removes what is constant over the
/// examples. Cortes, Mohri and Rostamizadeh, Algorithms for Learning Kernels Based on Centered Alignment, 2012,
/// definition 4.
double centered_alignment(const AnyMatrix& a, const AnyMatrix& b);

/// 1 - alignment, which lies between 0 and 1 for kernels (Fort et al. 2020). The distance between kernels at two times
/// of training, divided by the time between them, is the velocity of the kernel.
double kernel_distance(const AnyMatrix& a, const AnyMatrix& b);
double kernel_distance(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs);

/// |a - b| / |b| for the ends a and b of two spectra. K (x) I has the same ends as K, so a pNTK can be compared with an
/// eNTK.
struct SpectrumDifference {
  double lambda_max = 0;
  double lambda_min = 0;
  double condition = 0;  ///< difference of the condition numbers, largest over smallest eigenvalue
};
/// Takes all eigenvalues in ascending order, or only the smallest and the largest. Differences are relative to `exact`;
/// where that is zero, the difference is infinite, or 0 if both are zero.
SpectrumDifference spectrum_difference(const std::vector<double>& approximate, const std::vector<double>& exact);

/// The slope of log y against log x by least squares, which is the exponent of a power law. All values must be
/// positive, and at least two x must differ. Throws shape_error, numerical_error.
double log_log_slope(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace xtangent::ntk
