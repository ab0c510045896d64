#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "ntk/algebra/cholesky.hpp"
#include "ntk/algebra/linear_map.hpp"

/// Conjugate gradients on a kernel that is only applied: exact regression without forming the kernel.
namespace xtangent::ntk {

/// Takes columns (n, M) to an approximation of A^-1 times them; linear, symmetric, positive definite.
using Preconditioner = std::function<Array<double>(const Array<double>&)>;

/// (K + ridge I)^-1 (x) I_O from the factor of a pNTK, for an eNTK of O outputs with rows n O + o. Shares the factor,
/// whose elements may be float. Cost: 2 N^2 O multiply-adds a column. Throws shape_error for O = 0.
template <class T>
Preconditioner kronecker_preconditioner(Cholesky<T> pntk, std::size_t outputs);

struct ConjugateGradientProgress {
  std::size_t iteration;
  double residual;      ///< ||b - A x|| / ||b|| as the recursion has it, of the column that is worst
  std::size_t columns;  ///< that have not converged
};

struct ConjugateGradientOptions {
  double tolerance = 1e-8;  ///< of ||b - A x|| / ||b|| for each column
  std::size_t max_iterations = 1000;
  double ridge = 0;          ///< A is the map plus ridge I; absolute
  Array<double> start = {};  ///< x to start from, in the shape of b; undefined: 0
  /// Called after each iteration; false ends the run, which returns what it has.
  std::function<bool(const ConjugateGradientProgress&)> progress = {};
  /// Return what there is when max_iterations are over or rounding allows no more, instead of throwing.
  bool partial = false;
};

struct ConjugateGradientResult {
  Array<double> x = {};                      ///< in the shape of b
  std::vector<double> residuals = {};        ///< ||b - A x|| / ||b|| of each column, computed from x at the end
  std::vector<std::size_t> iterations = {};  ///< of each column
  std::size_t products = 0;                  ///< columns that the map was applied to, in all
  bool converged = false;
};

/// A x = b for b (n,) or (n, M), all columns at once and each with its own steps; a column that has converged leaves,
/// so that later products have fewer columns. Where the recursion says that a column has converged, the residual is
/// computed from x, and the column goes on with that if it says otherwise. Cost: one product with the map and one with
/// the preconditioner an iteration, and one product more at the end of each column; memory 8 arrays of b's size.
/// Hestenes and Stiefel 1952; convergence by the eigenvalues of M^-1 A. Throws shape_error, option_error,
/// numerical_error: the map or the preconditioner is not positive definite (the iteration and the curvature), made NaN,
/// or no convergence (the residual reached).
ConjugateGradientResult conjugate_gradients(const LinearMap& map, const Array<double>& b,
                                            const Preconditioner& preconditioner = {},
                                            const ConjugateGradientOptions& options = {});

/// The same with steps by an approximation of the map, such as one in float, and exact residuals: whenever the residual
/// of a column has fallen to 0.3, it is computed anew with the map itself, and the iteration goes on from there in the
/// direction that it had, so that what it has learned of the spectrum is not lost. When a second exact residual turns
/// out to be more than twice what was believed, or the approximation is not positive definite, it is of no more use,
/// and the iteration goes on with the map itself. Products count those of steps, and of the map when it took over.
/// Throws the same. Sleijpen and van der Vorst: Reliable updated residuals in hybrid Bi-CG methods, 1996; Clark et al.:
/// Solving lattice QCD systems of equations using mixed precision solvers on GPUs, 2010.
ConjugateGradientResult refined_conjugate_gradients(const LinearMap& map, const LinearMap& approximation,
                                                    const Array<double>& b, const Preconditioner& preconditioner = {},
                                                    const ConjugateGradientOptions& options = {});

}  // namespace xtangent::ntk
