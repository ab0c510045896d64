#pragma once

#include "ntk/algebra/any_matrix.hpp"

/// The prior of a Gaussian process, chosen by the evidence.
namespace xtangent::ntk {

/// A Gaussian process with the covariance variance * K of the function and noise of variance `noise`.
struct Prior {
  double variance = 0, noise = 0;
  double log_evidence = 0;  ///< log density of the targets, all outputs together
};

/// The prior under which y (N, O) is most likely. Each output is a process of its own with the kernel K (N, N), a pNTK;
/// or all are one with a kernel of order N O, an eNTK, whose row n O + o is output o of example n. With the eigenvalues
/// l of K and the squares s of y in the basis of its eigenvectors, the best variance for a ratio r = noise / variance
/// is the mean of s / (l + r), and what is left to find is r: by a grid over its logarithm from 1e-10 to 1e4 of the
/// mean eigenvalue, and Brent's method. Regression with the relative ridge r / mean(l) has the same predictions, and
/// `variance` times its posterior variances. Rasmussen and Williams, Gaussian Processes for Machine Learning, section
/// 5.4.1. Cost: one eigendecomposition. Throws shape_error, numerical_error (K is not finite or symmetric, or it or y
/// is zero or not finite).
Prior most_likely_prior(const AnyMatrix& kernel, const Doubles& y);

}  // namespace xtangent::ntk
