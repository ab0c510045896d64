#pragma once

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/cholesky.hpp"

/// Kernel regression and Gaussian processes with a kernel matrix: one factorization, any number of right-hand sides.
///
/// Outputs, targets and weights are taken as Array<double>, Array<float> or any xtensor expression, results are double.
///
/// N examples, O outputs, M new examples. A kernel of order N (pNTK) has the O outputs as right-hand sides of one
/// factorization; a kernel of order N O (eNTK, rows n O + o) takes them as one right-hand side. The sizes tell which.
namespace xtangent::ntk {

/// f0_new + K_new w: the linearized network at new points, from the weights w (N, O) that regression, training dynamics
/// or conjugate gradients gave. kernel_new (M, N) or (M O, N O), f0_new (M, O) -> (M, O). Sums in double. Cost: M N O
/// or M N O^2 multiply-adds. Throws shape_error.
Array<double> predict(const AnyMatrix& kernel_new, const Doubles& weights, const Doubles& f0_new);

/// Regression with K + ridge I = L L^T, factored once, in place when the kernel is handed over:
/// `Regression(std::move(k))`. T = float or double is the type of the kernel; targets and predictions are in double.
/// Cost: n^3 / 3 multiply-adds to factor; memory n^2 elements.
///
/// A Gaussian process with prior covariance K and noise of variance `ridge` has `predict` as its posterior mean. With
/// K = NTK this is the network of infinite width trained to the end only in its mean: its own variance over
/// initializations is another one (Lee et al. 2019, equation 16).
template <class T>
class Regression {
 public:
  using Options = CholeskyOptions;
  /// Throws what Cholesky throws: for a kernel that is not positive definite a numerical_error with the smallest pivot,
  /// its row, the row that it repeats, and a ridge to try.
  explicit Regression(Array<T> kernel, Options options = {}) : factor_(std::move(kernel), options) {}

  /// Order of K.
  std::size_t size() const { return factor_.size(); }
  /// The ridge that was added, absolute.
  double ridge() const { return factor_.ridge(); }
  const Cholesky<T>& factor() const { return factor_; }

  /// (K + ridge I)^-1 y for y (n,) or (n, M), refined. Throws shape_error, numerical_error.
  Array<double> solve(const Doubles& y) const { return factor_.solve(y); }
  /// (K + ridge I)^-1 (y - f0) as (N, O), for y and f0 (N, O): what predict() takes. Throws shape_error.
  Array<double> weights(const Doubles& y, const Doubles& f0) const;

  /// f_lin at new points: f0_new + K_new (K + ridge I)^-1 (y - f0), Mohamadi et al. 2023, equation 3.
  /// kernel_new (M, N) or (M O, N O), y and f0 (N, O), f0_new (M, O) -> (M, O). Throws shape_error.
  Array<double> predict(const AnyMatrix& kernel_new, const Doubles& y, const Doubles& f0, const Doubles& f0_new) const;

  /// diag(K_new_new - K_new (K + ridge I)^-1 K_new^T), of the noiseless function; rounding below zero becomes zero.
  /// kernel_new (M, n), variance_new (M,): the diagonal of the kernel of the new rows. Cost: M n^2 / 2 multiply-adds.
  /// Rasmussen and Williams, Gaussian Processes for Machine Learning, equation 2.24. Throws shape_error.
  Array<double> posterior_variance(const Array<T>& kernel_new, const Doubles& variance_new) const;
  /// The whole covariance (M, M), symmetric to the bit; covariance_new (M, M): the kernel of the new rows among
  /// themselves. Cost: M n^2 / 2 + M^2 n multiply-adds. Throws shape_error.
  Array<double> posterior_covariance(const Array<T>& kernel_new, const Doubles& covariance_new) const;

  /// What is predicted at each training point when it alone is left out, (N, O), without refitting: an example leaves
  /// with all its outputs, and the ridge stays what it is in absolute terms. Rasmussen and Williams, equation 5.12, by
  /// blocks. Cost: n^3 / 3 multiply-adds. Throws shape_error.
  Array<double> leave_one_out(const Doubles& y, const Doubles& f0) const;
  /// n ||(I - H)(y - f0)||^2 / tr(I - H)^2 with H = K (K + ridge I)^-1, mean over the outputs; the limit for ridge 0.
  /// Golub, Heath and Wahba 1979, equation 1.4. Cost: n^3 / 3 multiply-adds. Throws shape_error.
  double generalized_cross_validation(const Doubles& y, const Doubles& f0) const;

  /// m more rows: `cross` (m, n) of K with those there are, `corner` (m, m) among themselves (an example of an eNTK is
  /// O rows). In n^2 m instead of n^3; throws as the constructor does, and changes nothing then.
  void append(const Array<T>& cross, const Array<T>& corner) { factor_.append(cross, corner); }
  /// Rows [first, first + count) leave. Cost: 3 n^2 multiply-adds each at most. Throws shape_error.
  void remove(std::size_t first, std::size_t count = 1) { factor_.remove(first, count); }
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
