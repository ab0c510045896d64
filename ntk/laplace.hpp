#pragma once

#include <cstddef>
#include <vector>

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/cholesky.hpp"

/// How certain a classifier is: Laplace's approximation of the posterior of its parameters, in the linearized network.
namespace xtangent::ntk {

/// A network that was trained by cross-entropy to outputs f (N, O), with a Gaussian prior of variance v for each
/// parameter. Around the trained parameters the posterior is Gaussian with the precision 1 / v + sum_n J_n^T L_n J_n,
/// where L_n = diag(p_n) - p_n p_n^T for p_n = softmax(f_n). The outputs of the linearized network at new points have
/// the covariances
///
///   v K_new_new - v^2 K_new S (I + v S^T K S)^-1 S^T K_new^T
///
/// with the eNTK K and S_n = diag(sqrt(p_n)) (I - sqrt(p_n) sqrt(p_n)^T), since S_n S_n^T = L_n. So nothing of the
/// order of the parameters is formed. A kernel of some of the parameters, such as those of the last layer, is the
/// posterior of these alone; one of order N stands for K (x) I, as the Gram of the last features is, or a pNTK instead
/// of the eNTK.
///
/// Immer, Korzepa, Bauer: Improving Predictions of Bayesian Neural Nets via Local Linearization, AISTATS 2021. Cost:
/// (N O)^3 / 3 FLOP for each variance. Memory: 2 (N O)^2 doubles.
class Laplace {
 public:
  /// The kernel among the N training examples, of order N O (row n O + o) or N; their outputs (N, O); the prior's
  /// variance. Throws shape_error, numerical_error (the kernel is not finite or symmetric, or has a negative
  /// eigenvalue; the outputs are not finite), option_error (the variance is not positive and finite).
  Laplace(const AnyMatrix& kernel, const Doubles& outputs, double variance);
  /// The same for another variance.
  Laplace with_variance(double variance) const;
  /// The same for the variance with the greatest evidence. It is the one where norm / v equals the number of parameters
  /// that the examples determine, the sum of v m / (1 + v m) over the eigenvalues m of S^T K S. `norm` is as in
  /// log_evidence. MacKay: Bayesian Interpolation, 1992. Cost: the eigenvalues of a matrix of order N O. Throws
  /// option_error (the norm is not positive and finite), numerical_error (the kernel is zero).
  Laplace most_likely(double norm) const;

  double variance() const { return variance_; }
  /// The logarithm of the determinant of I + v S^T K S, which is that of the covariance of the prior divided by that of
  /// the posterior.
  double log_determinant() const { return factor_.log_determinant(); }
  /// The logarithm of the evidence, by which variances are compared: the log-likelihood of the labels, less `norm` / (2
  /// v) for the squared norm of the trained parameters, less half the log-determinant. Immer et al.: Scalable Marginal
  /// Likelihood Estimation for Model Selection in Deep Learning, ICML 2021. Throws shape_error, data_error (a label).
  double log_evidence(const std::vector<std::size_t>& labels, double norm) const;

  /// The covariances (M, O, O) of the outputs at M points. kernel_new (M O, N O) or (M, N) is the kernel between them
  /// and the training examples, blocks_new (M, O, O) or (M,) that of each with itself. Cost: M O (N O)^2 / 2
  /// multiply-adds. Throws shape_error.
  Array<double> covariances(const AnyMatrix& kernel_new, const Doubles& blocks_new) const;

 private:
  Laplace(Array<double> outputs, Array<double> roots, Array<double> product, double variance);

  Array<double> outputs_;  // f (N, O)
  Array<double> roots_;    // sqrt(p), (N, O)
  Array<double> product_;  // S^T K S, (N O, N O)
  double variance_;
  Cholesky<double> factor_;  // of I + v S^T K S
};

}  // namespace xtangent::ntk
