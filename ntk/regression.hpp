#pragma once


#include "autodiff/array.hpp"

/// Kernel regression with a kernel matrix: one factorization, any number of right-hand sides.
namespace xtangent::ntk {

/// K + ridge I = L L^T, factored once.
///
/// For a pNTK (N, N) and outputs (N, O) the O right-hand sides share the factorization; for an eNTK (N O, N O) the
/// outputs are one right-hand side of N O entries. Both are told apart by the sizes.
/// Cost: n^3 / 3 multiply-adds to factor, 2 n^2 a right-hand side; memory n^2 doubles.
class Regression {
 public:
  struct Options {
    double ridge = 0;      ///< added to the diagonal
    bool relative = true;  ///< ridge is in units of the mean of the diagonal
  };
  /// Throws shape_error (K not square, empty), numerical_error (not finite, or not positive definite: says at which row and how
  /// far from it, and what ridge would do).
  explicit Regression(const Array<double>& kernel) : Regression(kernel, Options{}) {}
  Regression(const Array<double>& kernel, Options options);

  /// Order of K.
  std::size_t size() const { return size_; }
  /// The ridge that was added, absolute.
  double ridge() const { return ridge_; }

  /// (K + ridge I)^-1 y for y (n,) or (n, M). Throws shape_error.
  Array<double> solve(const Array<double>& y) const;

  /// f_lin at new points: f0_new + K_new (K + ridge I)^-1 (y - f0), Mohamadi et al. 2023, equation 3.
  /// kernel_new (M, N) or (M O, N O), y and f0 (N, O), f0_new (M, O) -> (M, O). Throws shape_error.
  Array<double> predict(const Array<double>& kernel_new, const Array<double>& y, const Array<double>& f0,
                        const Array<double>& f0_new) const;

 private:
  std::size_t size_;
  double ridge_ = 0;
  Array<double> factor_;
};

}  // namespace xtangent::ntk
