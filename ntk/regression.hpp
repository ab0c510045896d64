#pragma once

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/cholesky.hpp"

/// Kernel regression and Gaussian processes with a formed kernel. One factorization serves any number of right-hand
/// sides.
///
/// Outputs, targets and weights may be an Array<double>, an Array<float> or any xtensor expression. Results are in
/// double.
///
/// There are N examples, O outputs and M new examples. With a kernel of order n = N (pNTK) the O outputs are as many
/// right-hand sides; with a kernel of order n = N O (eNTK, output o of example n in row n*O + o) all outputs are one
/// right-hand side. The order tells which of the two it is.
namespace xtangent::ntk {

/// f0_new + K_new w, the outputs (M, O) of the linearized network at new points, from weights w (N, O) of regression,
/// training dynamics or conjugate gradients. kernel_new is (M, N) or (M O, N O), and f0_new is (M, O). Sums are in
/// double. Cost: M N O or M N O^2 multiply-adds. Throws shape_error.
Array<double> predict(const AnyMatrix& kernel_new, const Doubles& weights, const Doubles& f0_new);

/// Regression with K + ridge I = L L^T, which is factored once. `Regression(std::move(k))` factors in place. T = float
/// or double is the type of the kernel; targets and predictions are in double. Cost: n^3 / 3 FLOP to factor.
/// Memory: n^2 elements.
///
/// A Gaussian process with prior covariance K and noise of variance `ridge` has `predict` as its posterior mean. If K
/// is an NTK, the posterior mean is the mean of networks of infinite width that are trained to the end, but the
/// posterior variance is not their variance over initializations (Lee et al. 2019, equation 16).
template <class T>
class Regression {
 public:
  using Options = CholeskyOptions;
  /// Throws what Cholesky throws. If the kernel is not positive definite, that is a numerical_error with the smallest
  /// pivot, its row, the row that it repeats, and a ridge to try.
  explicit Regression(Array<T> kernel, Options options = {}) : factor_(std::move(kernel), options) {}

  /// The order n of K.
  std::size_t size() const { return factor_.size(); }
  /// The ridge that was added, absolute.
  double ridge() const { return factor_.ridge(); }
  const Cholesky<T>& factor() const { return factor_; }

  /// (K + ridge I)^-1 y for y (n,) or (n, m), refined. Throws shape_error, numerical_error.
  Array<double> solve(const Doubles& y) const { return factor_.solve(y); }
  /// The weights (K + ridge I)^-1 (y - f0) that predict() takes, (N, O), for y and f0 (N, O). Throws shape_error.
  Array<double> weights(const Doubles& y, const Doubles& f0) const;

  /// f0_new + K_new (K + ridge I)^-1 (y - f0), the outputs (M, O) of the linearized network at new points (Mohamadi et
  /// al. 2023, equation 3). kernel_new is (M, N) or (M O, N O), y and f0 are (N, O), and f0_new is (M, O). Throws
  /// shape_error.
  Array<double> predict(const AnyMatrix& kernel_new, const Doubles& y, const Doubles& f0, const Doubles& f0_new) const;

  /// The variance of the function without noise, (M,): the diagonal of K_new_new - K_new (K + ridge I)^-1 K_new^T.
  /// Values that rounding makes negative become 0. kernel_new is (M, n), and variance_new (M,) is the diagonal of
  /// K_new_new. For an eNTK, M counts rows. Cost: M n^2 / 2 multiply-adds. Rasmussen and Williams, Gaussian Processes
  /// for Machine Learning, equation 2.24. Throws shape_error.
  Array<double> posterior_variance(const Array<T>& kernel_new, const Doubles& variance_new) const;
  /// The whole covariance (M, M), symmetric to the bit. covariance_new (M, M) is K_new_new. Cost: M n^2 / 2 + M^2 n / 2
  /// multiply-adds. Throws shape_error.
  Array<double> posterior_covariance(const Array<T>& kernel_new, const Doubles& covariance_new) const;

  /// The prediction (N, O) at each training point from all the others, without refitting. An example is left out with
  /// all its outputs, and the absolute ridge stays the same. Rasmussen and Williams, equation 5.12, for blocks. Cost:
  /// n^3 / 3 FLOP. Throws shape_error, numerical_error (the kernel is singular to rounding).
  Array<double> leave_one_out(const Doubles& y, const Doubles& f0) const;
  /// n ||(I - H)(y - f0)||^2 / tr(I - H)^2 with H = K (K + ridge I)^-1, averaged over the outputs. For a ridge of 0 it
  /// is the limit. Golub, Heath and Wahba 1979, equation 1.4. Cost: n^3 / 3 FLOP. Throws shape_error.
  double generalized_cross_validation(const Doubles& y, const Doubles& f0) const;

  /// Appends m rows and columns to K: `cross` (m, n) is the kernel between the new rows and those that are there,
  /// `corner` (m, m) the kernel of the new rows among themselves. An example of an eNTK has O rows. Cost: n^2 m instead
  /// of n^3. Throws what the constructor throws, and then changes nothing.
  void append(const Array<T>& cross, const Array<T>& corner) { factor_.append(cross, corner); }
  /// Removes rows and columns [first, first + count). Cost: at most 3 n^2 multiply-adds for each. Throws shape_error.
  void remove(std::size_t first, std::size_t count = 1) { factor_.remove(first, count); }
  /// Makes room for n rows, so that appending up to there copies nothing.
  void reserve(std::size_t n) { factor_.reserve(n); }

 private:
  Cholesky<T> factor_;
};

template <class E>
Regression(const xt::xexpression<E>&, CholeskyOptions = {})
    -> Regression<std::conditional_t<std::is_same_v<typename E::value_type, float>, float, double>>;

extern template class Regression<float>;
extern template class Regression<double>;

}  // namespace xtangent::ntk
