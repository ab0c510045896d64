#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "ntk/algebra/linear_map.hpp"

/// Eigenvalues of kernels: all of them by LAPACK, or the largest and smallest ones by Lanczos.
namespace xtangent::ntk {

/// Eigenvalues in ascending order and eigenvectors of unit length. Row i of `vectors` (m, n) belongs to values[i].
struct Eigensystem {
  std::vector<double> values;
  Array<double> vectors;
};

/// The eigenvalues of a symmetric kernel (n, n) in ascending order. Cost: about 4 n^3 / 3 FLOP (LAPACK's dsyevd).
/// Memory: n^2 doubles, or none if an Array<double> is handed over with std::move. Throws shape_error (the kernel is
/// not square or is empty), numerical_error (it is not finite or not symmetric, or LAPACK does not converge).
std::vector<double> eigenvalues(AnyMatrix kernel);
/// Eigenvalues and eigenvectors of kernels of any order n. Cost: about 9 n^3 FLOP. Memory: 2 n^2 doubles more, or n^2
/// above the order 32766, from which on LAPACK's dsyevr takes the place of dsyevd. Throws the same.
Eigensystem eigensystem(AnyMatrix kernel);

struct LanczosOptions {
  double tolerance = 1e-10;          ///< residual of an eigenpair, relative to its eigenvalue
  std::size_t max_products = 10000;  ///< largest number of products with the kernel
};

/// The `count` largest eigenvalues and their eigenvectors, by Lanczos with restarts (Spectra's SymEigsSolver). The
/// first vector is fixed, so that results repeat. An eigenvalue that occurs several times may be found fewer times.
/// Cost: one product with the kernel for each step. Memory: max(2 count + 1, 20) vectors. Throws shape_error (count is
/// 0 or above n), numerical_error (not all have converged after max_products; the message says how many have).
Eigensystem largest_eigenvalues(const LinearMap& kernel, std::size_t count = 1, const LanczosOptions& options = {});
/// The `count` smallest eigenvalues and their eigenvectors. In kernels they lie close together, so a condition number
/// of 1e4 takes hundreds of products. For a formed kernel prefer smallest_eigenvalues_by_inverse.
Eigensystem smallest_eigenvalues(const LinearMap& kernel, std::size_t count = 1, const LanczosOptions& options = {});
/// The `count` smallest eigenvalues of a positive definite kernel and their eigenvectors, by Lanczos on the inverse.
/// Cost: one Cholesky factorization of n^3 / 3 FLOP and a few solutions. Throws numerical_error if the kernel
/// is not positive definite, as Cholesky does.
Eigensystem smallest_eigenvalues_by_inverse(AnyMatrix kernel, std::size_t count = 1,
                                            const LanczosOptions& options = {});

/// The largest eigenvalue divided by the smallest, or infinity if the smallest is not positive. Takes eigenvalues in
/// ascending order. Eigenvalues of a kernel of order n in double are off by up to about n eps of the largest one, eps =
/// 2.2e-16, so a condition number above about 1 / (n eps) only says that the smallest one is 0 to rounding. Throws
/// shape_error (there are none).
double condition_number(const std::vector<double>& eigenvalues);

/// 2 / the largest eigenvalue. With a higher rate, gradient descent on half the squared error, summed over examples and
/// outputs, diverges. For other scales of the loss see Dynamics::maximal_learning_rate. Throws shape_error (there are
/// no eigenvalues), numerical_error (the largest is not positive).
double maximal_learning_rate(const std::vector<double>& eigenvalues);

/// The effective rank, from 1 to n: exp of the entropy of the eigenvalues as shares of their sum (Roy and Vetterli
/// 2007). Eigenvalues that rounding makes negative count as zero. Throws shape_error (there are no eigenvalues),
/// numerical_error (none is positive).
double effective_rank(const std::vector<double>& eigenvalues);

}  // namespace xtangent::ntk
