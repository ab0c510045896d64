#pragma once

#include <cstddef>
#include <functional>

#include "ntk/algebra/conjugate_gradients.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/preconditioners.hpp"

/// Exact regression with an eNTK of any size, which is never formed.
namespace xtangent::ntk {

struct SolveOptions {
  double ridge = 0;         ///< added to the diagonals of the eNTK and of its preconditioner; absolute
  double tolerance = 1e-6;  ///< norm of the residual, relative to that of the right-hand side
  std::size_t max_iterations = 2000;
  /// The largest number of bytes that everything together may hold, including the preconditioner. 0 means half of the
  /// memory that the machine has free.
  std::size_t memory = 0;
  /// The parameters of the eNTK, as in Options.
  std::vector<std::string> parameters = {};
  SolvePreconditioner preconditioner = SolvePreconditioner::pseudo;
  /// Make the preconditioner in float, which takes half of the memory and time, for kernels with a condition number
  /// below about 1e6.
  bool float_factor = false;
  /// Iterate with products in float as long as they help, and compute residuals in double, see
  /// refined_conjugate_gradients. An iteration may take only half the time, but recordings take more memory.
  bool float_products = false;
  std::size_t group = 20;      ///< see PreconditionerOptions
  std::size_t neighbors = 80;  ///< see PreconditionerOptions
  /// Weights (N, O) to start from. If undefined, the start is 0.
  Array<double> start = {};
  /// Called after each iteration. If it returns false, the run ends and returns the weights that it has reached.
  std::function<bool(const ConjugateGradientProgress&)> progress = {};
  /// Return the weights that were reached after max_iterations instead of throwing.
  bool partial = false;
  /// Several processes: x and y are the examples of this rank, at least one, and the weights are theirs. The eNTK and
  /// the residual are those of the examples of all ranks. The preconditioner is `none`, or `made`. All ranks call
  /// solve() together. Empty: this process. ntk/distributed/solve.hpp does all of this for examples that each rank has.
  std::shared_ptr<Communicator> ranks = {};
  /// A preconditioner for this rank's N O rows, instead of the one that `preconditioner` names.
  HeldPreconditioner made = {};
};

struct Solution {
  Array<double> weights;  ///< (Theta + ridge I)^-1 (y - f0), (N, O)
  double residual = 0;    ///< relative residual, computed from the weights at the end
  std::size_t iterations = 0;
  std::size_t products = 0;  ///< number of products with the eNTK
  bool converged = false;
};

/// Computes the weights of regression on targets y (N, O) at examples x (N, ...), by conjugate gradients on Operator.
/// Targets and outputs (N, ...) of any shape count as (N, O). The preconditioner is (pNTK + ridge I)^-1 (x) I_O unless
/// options name another one. Give the network in double: in float the error of a product is about 1e-6 of the norm of
/// Theta, and residuals stop decreasing at about 1e-6 times the condition number.
///
/// Cost: making the preconditioner, see make_preconditioner(); then each iteration takes one product with the operator
/// and one with the preconditioner. The number of iterations depends on how near the preconditioner is to the inverse
/// of Theta (docs/measurements.md has a table). For its cost, `trace` is the best one for a wide network at
/// initialization and `outputs` for a trained network. Memory: the preconditioner, the operator, and 9 vectors of N O
/// doubles.
///
/// Throws shape_error (y does not fit), numerical_error (values are not finite, a kernel of the preconditioner is not
/// positive definite, or there is no convergence), option_error, memory_error, and what Operator throws.
template <class T>
Solution solve(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Array<double>& y,
               const SolveOptions& options = {});

/// The outputs (M, O) of the linearized network at x_new (M, ...): f0(x_new) + Theta(x_new, x) w for the weights w (N,
/// O), or (N,) for one output, of `solve` or of Regression. Theta(x_new, x) is not formed. Either set of examples may
/// be empty. Cost: one product with the operator. Throws shape_error, and what Operator throws.
template <class T>
Array<double> predict_linearized(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x_new,
                                 const Array<T>& x, const Array<double>& weights, const OperatorOptions& options = {});

}  // namespace xtangent::ntk
