#pragma once

#include <optional>
#include <vector>

#include "ntk/attribution.hpp"
#include "ntk/feature_matrix.hpp"
#include "ntk/regression.hpp"

/// Regression and attribution with features, by a matrix of order k where there are fewer numbers than examples, and of
/// order n otherwise. With N examples, O outputs, M new examples and features Phi (n, k):
///
///   (Phi Phi^T + ridge I)^-1 y   and   Phi^T (Phi Phi^T + ridge I)^-1 = (Phi^T Phi + ridge I)^-1 Phi^T
///
/// All results are in double.
namespace xtangent::ntk {

/// The normal equations of features, factored once. The ridge is that of the kernel Phi Phi^T: relative to the mean of
/// its diagonal unless options say otherwise. Cost: n k min(n, k) / 2 multiply-adds to form them, and min(n, k)^3 / 6
/// to factor. Memory: min(n, k)^2 doubles.
class FeatureSystem {
 public:
  using Options = CholeskyOptions;
  /// Throws what Cholesky throws. Without a ridge that is a numerical_error where rows (k >= n) or columns (k < n) of
  /// Phi depend on each other; columns of zeros alone do not matter.
  explicit FeatureSystem(FeatureMatrix phi, Options options = {});

  const FeatureMatrix& phi() const { return phi_; }
  /// Whether the matrix is Phi^T Phi, of order k.
  bool primal() const { return primal_; }
  /// The ridge that was added, absolute.
  double ridge() const { return ridge_; }
  /// Phi^T (Phi Phi^T + ridge I)^-1 y, (k, m), for y (n, m). For y = targets these are the weights of a linear model of
  /// the features. Without a ridge and with k < n, those of least squares. Throws shape_error, numerical_error.
  Array<double> weights(const Doubles& y) const;
  /// The logarithm of the determinant of Phi Phi^T + ridge I: minus infinity where that is singular.
  double log_determinant() const;
  /// The logarithm of the density of y under a Gaussian process with covariance Phi Phi^T + ridge I, for each column of
  /// y (n, m): (m,). `w` is weights(y) where that is there already. Rasmussen and Williams, Gaussian Processes for
  /// Machine Learning, equations 2.30 and A.9. Throws shape_error, numerical_error (the ridge is 0).
  Array<double> log_evidence(const Doubles& y, const Doubles& w = {}) const;
  /// phi_new (Phi^T Phi + ridge I)^-1 Phi^T, (M, n). Cost: M min(n, k)^2 and M n k multiply-adds. Throws shape_error.
  Array<double> smoother(const FeatureMatrix& phi_new) const;
  /// The diagonal of Phi (Phi^T Phi + ridge I)^-1 Phi^T, (n,): how far each example explains itself, from 0 to 1.
  Array<double> leverages() const;

 private:
  FeatureMatrix phi_;
  bool primal_;
  double ridge_ = 0;
  std::vector<double> filled_;  // what stands on the diagonal for columns of zeros, with the ridge
  std::optional<Cholesky<double>> factor_;
};

/// Kernel regression with K = Phi Phi^T, as Regression for a formed kernel.
class FeatureRegression {
 public:
  using Options = CholeskyOptions;
  /// Throws what FeatureSystem throws.
  explicit FeatureRegression(FeatureMatrix phi, Options options = {}) : system_(std::move(phi), options) {}

  const FeatureSystem& system() const { return system_; }
  /// The weights of the features, (k, O), for targets y and initial outputs f0 (N, O); or (k, 1) if n = N O. Throws
  /// shape_error.
  Array<double> weights(const Doubles& y, const Doubles& f0) const;
  /// f0_new + Phi_new w, the outputs (M, O) of the linearized network at new points. Throws shape_error.
  Array<double> predict(const FeatureMatrix& phi_new, const Doubles& y, const Doubles& f0, const Doubles& f0_new) const;

 private:
  FeatureSystem system_;
};

/// The scores of TRAK from features of the margins of N training examples, as Attribution for a kernel. With k < N
/// nothing of order N^2 is formed but the scores.
class FeatureAttribution {
 public:
  using Options = CholeskyOptions;
  /// Throws what FeatureSystem throws.
  explicit FeatureAttribution(FeatureMatrix phi, Options options = {}) : system_(std::move(phi), options) {}

  double ridge() const { return system_.ridge(); }
  /// tau (M, N) for features phi_new (M, k) of the margins of M examples, and misses (N,). Throws shape_error.
  Array<double> scores(const FeatureMatrix& phi_new, const Doubles& misses) const;
  /// tau(x_n, n) of each training example on itself, (N,). Throws shape_error.
  Array<double> self_influence(const Doubles& misses) const;

 private:
  FeatureSystem system_;
};

}  // namespace xtangent::ntk
