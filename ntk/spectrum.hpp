#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "ntk/algebra/linear_map.hpp"

/// Eigenvalues of kernels: all of them by LAPACK, those at the ends by Lanczos.
namespace xtangent::ntk {

/// Eigenvalues, ascending, and eigenvectors of unit length: row i of `vectors` (m, n) belongs to values[i].
struct Eigensystem {
  std::vector<double> values;
  Array<double> vectors;
};

/// Eigenvalues of a symmetric kernel (n, n), ascending. Cost: about 4 n^3 / 3 FLOP (LAPACK dsyevd); memory n^2 doubles,
/// none when the kernel is handed over. Throws shape_error (not square, empty), numerical_error (not finite, not
/// symmetric, no convergence).
std::vector<double> eigenvalues(AnyMatrix kernel);
/// With eigenvectors. Cost: about 9 n^3 FLOP; memory 2 n^2 doubles more. Throws the same, and shape_error above order
/// 32766.
Eigensystem eigensystem(AnyMatrix kernel);

struct LanczosOptions {
  double tolerance = 1e-10;          ///< of the residual of an eigenpair, beside its eigenvalue
  std::size_t max_products = 10000;  ///< products with the kernel, at most
};

/// The `count` largest eigenvalues and their eigenvectors by Lanczos with restarts (Spectra's SymEigsSolver). One
/// product with the kernel for each of at most max_products steps; memory max(2 count + 1, 20) vectors. The start is
/// fixed, so that results repeat. Eigenvalues that are equal may be found fewer times than they occur. Throws
/// shape_error (count 0 or above n), numerical_error (not converged: how many were).
Eigensystem largest_eigenvalues(const LinearMap& kernel, std::size_t count = 1, const LanczosOptions& options = {});
/// The `count` smallest. They lie close together in kernels: hundreds of products for a condition of 1e4. For a formed
/// kernel prefer smallest_eigenvalues_by_inverse.
Eigensystem smallest_eigenvalues(const LinearMap& kernel, std::size_t count = 1, const LanczosOptions& options = {});
/// The `count` smallest of a positive definite kernel by Lanczos on its inverse: one Cholesky factorization, n^3 / 3
/// multiply-adds, and a few solutions. Throws numerical_error when the kernel is not positive definite, as Cholesky
/// does.
Eigensystem smallest_eigenvalues_by_inverse(AnyMatrix kernel, std::size_t count = 1,
                                            const LanczosOptions& options = {});

/// Largest by smallest eigenvalue; infinity when the smallest is not positive. From ascending eigenvalues.
double condition_number(const std::vector<double>& eigenvalues);

/// 2 / largest eigenvalue: beyond it gradient descent on half the squared error, summed over examples and outputs,
/// diverges. For its other scales see Dynamics::maximal_learning_rate. Throws shape_error (none), numerical_error (the
/// largest is not positive).
double maximal_learning_rate(const std::vector<double>& eigenvalues);

/// exp of the entropy of the eigenvalues as shares of their sum, 1 to n (Roy and Vetterli 2007); those below zero by
/// rounding count as zero. Throws shape_error (none), numerical_error (none is positive).
double effective_rank(const std::vector<double>& eigenvalues);

}  // namespace xtangent::ntk
