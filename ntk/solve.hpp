#pragma once

#include <cstddef>
#include <functional>

#include "ntk/algebra/conjugate_gradients.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/preconditioners.hpp"

/// Exact regression with the eNTK of any size, which is never formed.
namespace xtangent::ntk {

struct SolveOptions {
  double ridge = 0;         ///< added to the diagonal of the eNTK and of its preconditioner; absolute
  double tolerance = 1e-6;  ///< of the residual beside the right-hand side
  std::size_t max_iterations = 2000;
  /// Bytes that everything together may hold at most, the factor of the pNTK included; 0: half of what the machine has
  /// free.
  std::size_t memory = 0;
  SolvePreconditioner preconditioner = SolvePreconditioner::pseudo;
  /// Make the preconditioner in float: half of its memory and time, for kernels of a condition below about 1e6.
  bool float_factor = false;
  /// Iterate with products in float as far as they serve, and compute residuals in double, see
  /// refined_conjugate_gradients: up to half the time of an iteration, more memory for recordings.
  bool float_products = false;
  std::size_t group = 20;      ///< see PreconditionerOptions
  std::size_t neighbors = 80;  ///< see PreconditionerOptions
  /// Weights (N, O) to start from; undefined: 0.
  Array<double> start = {};
  /// Called after each iteration; false ends the run, which returns what it has.
  std::function<bool(const ConjugateGradientProgress&)> progress = {};
  /// Return what there is when max_iterations are over, instead of throwing.
  bool partial = false;
};

struct Solution {
  Array<double> weights;  ///< (Theta + ridge I)^-1 (y - f0), (N, O)
  double residual = 0;    ///< of the weights, computed from them at the end
  std::size_t iterations = 0;
  std::size_t products = 0;  ///< with the eNTK, in all
  bool converged = false;
};

/// The weights of regression on targets y (N, O) at examples x (N, ...): conjugate gradients on Operator, all outputs
/// at once, preconditioned by (pNTK + ridge I)^-1 (x) I_O or what options say. Give the network in double: in float the
/// products are good to about 1e-6 of the norm of Theta, and residuals stop decreasing at about that times its
/// condition number.
///
/// Cost: the preconditioner (see there), then an iteration is one product of the operator and one with it. Their number
/// depends on how near the preconditioner is to Theta (a table is in docs/measurements.md): for a wide network at
/// initialization `trace` is the best for its price, for a trained one `outputs`. Memory: the preconditioner's, 9
/// vectors of N O, and the operator's.
///
/// Throws shape_error (y), numerical_error (values that are not finite; a pNTK that is not positive definite; no
/// convergence), option_error, memory_error, and what Operator throws.
template <class T>
Solution solve(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Array<double>& y,
               const SolveOptions& options = {});

/// f_lin(x_new) = f0(x_new) + Theta(x_new, x) w, (M, O), from the weights (N, O) of `solve` or of Regression, without
/// forming Theta(x_new, x). Either set may be empty. Cost: one product of the operator. Throws shape_error, and what
/// Operator throws.
template <class T>
Array<double> predict_linearized(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x_new,
                                 const Array<T>& x, const Array<double>& weights, const OperatorOptions& options = {});

}  // namespace xtangent::ntk
