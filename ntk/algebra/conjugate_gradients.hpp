#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "ntk/algebra/cholesky.hpp"
#include "ntk/algebra/linear_map.hpp"
#include "ntk/distributed/communicator.hpp"

/// Conjugate gradients on a kernel that is only applied, for exact regression without forming the kernel.
namespace xtangent::ntk {

/// A linear, symmetric and positive definite map that takes columns (n, m) to an approximation of A^-1 times these
/// columns.
using Preconditioner = std::function<Array<double>(const Array<double>&)>;

/// The preconditioner (K + ridge I)^-1 (x) I_O for an eNTK of O outputs, from the Cholesky factor of a pNTK K. Row n*O
/// + o belongs to output o of example n. It shares the factor, whose elements may be float. Cost: 2 N^2 O FLOP
/// for each column. Throws shape_error (O is 0).
template <class T>
Preconditioner kronecker_preconditioner(Cholesky<T> pntk, std::size_t outputs);

struct ConjugateGradientProgress {
  std::size_t iteration;
  double residual;      ///< ||b - A x|| / ||b|| of the worst column, by the recursion
  std::size_t columns;  ///< number of columns that have not converged
};

struct ConjugateGradientOptions {
  double tolerance = 1e-8;  ///< bound for ||b - A x|| / ||b|| of each column
  std::size_t max_iterations = 1000;
  double ridge = 0;          ///< A is the map plus ridge I; absolute
  Array<double> start = {};  ///< x to start from, in the shape of b; 0 if undefined
  /// Called after each iteration. If it returns false, the run ends and returns the x that it has reached.
  std::function<bool(const ConjugateGradientProgress&)> progress = {};
  /// Return the x that was reached after max_iterations, or when rounding allows no more, instead of throwing.
  bool partial = false;
  /// Several processes: map, b, start and x are this rank's rows of the whole, at least one, and residuals are those of
  /// the whole. The inner products of each step are summed over the ranks, in three messages. All ranks have to get the
  /// same answer from `progress`. Empty: this process.
  std::shared_ptr<Communicator> ranks = {};
};

struct ConjugateGradientResult {
  Array<double> x = {};                      ///< in the shape of b
  std::vector<double> residuals = {};        ///< ||b - A x|| / ||b|| of each column, computed from x at the end
  std::vector<std::size_t> iterations = {};  ///< number for each column
  std::size_t products = 0;                  ///< number of columns to which the map was applied
  bool converged = false;
};

/// Solves A x = b for b (n,) or (n, m) (Hestenes and Stiefel 1952). All columns are iterated at once, each with its own
/// steps. A column that has converged leaves, so later products have fewer columns. When a column has converged by the
/// recursion, its residual is computed from x; if that is still too large, the column continues from it. Cost: one
/// product with the map and one with the preconditioner for each iteration, and one more product at the end of each
/// column. Memory: 8 arrays of the size of b. Throws shape_error, option_error, numerical_error (squares of entries of
/// b overflow or vanish, the map or the preconditioner is not positive definite or made NaN, or there is no
/// convergence; the message names the iteration and the residual).
ConjugateGradientResult conjugate_gradients(const LinearMap& map, const Array<double>& b,
                                            const Preconditioner& preconditioner = {},
                                            const ConjugateGradientOptions& options = {});

/// The same, but steps use an approximation of the map, such as one in float, and residuals are exact. Whenever the
/// residual of a column has fallen to 0.3 of its largest value since the last exact one, it is computed anew with the
/// map itself. The iteration then continues in the direction that it had, so that what it has learned of the spectrum
/// is not lost. If a second exact residual is more than twice what the recursion says, or if the approximation is not
/// positive definite, the iteration continues with the map itself. `products` counts the products of the steps and,
/// once the map has taken over, also those of its exact residuals. Throws the same. Sleijpen and van der Vorst:
/// Reliable updated residuals in hybrid Bi-CG methods, 1996; Clark et al.: Solving lattice QCD systems of equations
/// using mixed precision solvers on GPUs, 2010.
ConjugateGradientResult refined_conjugate_gradients(const LinearMap& map, const LinearMap& approximation,
                                                    const Array<double>& b, const Preconditioner& preconditioner = {},
                                                    const ConjugateGradientOptions& options = {});

}  // namespace xtangent::ntk
