#pragma once

#include <vector>

#include "ntk/regression.hpp"

/// What a network would predict if one more example were labeled, without training it again.
namespace xtangent::ntk {

/// The linearized network at M points, which are examples without labels, and how its outputs change when a point gets
/// one. A regression on N labeled examples leaves the outputs f (M, O) and the covariance C (M, M) of a Gaussian
/// process at the points. With target y at point u the outputs at point x become
///
///   f(x) + C(x, u) (y - f(u)) / (C(u, u) + ridge),
///
/// which is what regression on the N + 1 examples would predict: the factor of the bordered kernel has one more row,
/// and C loses what that row explains. Mohamadi, Bae, Sutherland: Making Look-Ahead Active Learning Strategies Feasible
/// with Neural Tangent Kernels, NeurIPS 2022.
///
/// Memory: M^2 + M O doubles. Every output is a right-hand side of its own, as for a pNTK.
class LookAhead {
 public:
  /// kernel_new (M, N) is the kernel between the points and the labeled examples, covariance_new (M, M) that of the
  /// points; y and f0 are (N, O), f0_new is (M, O). Cost: M N^2 / 2 + M^2 N / 2 multiply-adds. Throws shape_error
  /// (also for a regression on an eNTK), numerical_error (a value is not finite).
  template <class T>
  LookAhead(const Regression<T>& regression, const Array<T>& kernel_new, const Doubles& covariance_new,
            const Doubles& y, const Doubles& f0, const Doubles& f0_new)
      : LookAhead(regression.posterior_covariance(kernel_new, covariance_new),
                  regression.predict(kernel_new, y, f0, f0_new), regression.ridge()) {}
  /// From the covariance (M, M) and the outputs (M, O) themselves, and the ridge that a new label adds, absolute.
  /// Throws shape_error, numerical_error, option_error (the ridge).
  LookAhead(Array<double> covariance, Array<double> outputs, double ridge);

  /// The number of points M.
  std::size_t size() const { return outputs_.shape()[0]; }
  /// f at the points, (M, O).
  const Array<double>& outputs() const { return outputs_; }
  /// C, (M, M).
  const Array<double>& covariance() const { return covariance_; }

  /// For each point u, how far all outputs would move if u had the target y(u): the sum over the points x of the
  /// Euclidean norm of the change at x, which is |y(u) - f(u)| sum_x |C(x, u)| / (C(u, u) + ridge). y is (M, O), a
  /// target for each point, such as its most likely label. A point whose variance is not above rounding would change
  /// nothing: 0. Cost: M^2 + M O. Throws shape_error.
  std::vector<double> changes(const Doubles& y) const;
  /// The outputs (M, O) after point u got the target y (O,). Cost: M O. Throws shape_error.
  Array<double> outputs_with(std::size_t point, const Doubles& y) const;
  /// Gives point u the target y (O,). Cost: M^2 + M O. Throws shape_error.
  void add(std::size_t point, const Doubles& y);

 private:
  // How much of what is missing at point u reaches each point: C(x, u) / (C(u, u) + ridge), (M,).
  std::vector<double> reach(std::size_t point) const;
  bool known(std::size_t point) const;
  void check_point(const char* who, std::size_t point, const Array<double>& y) const;

  Array<double> covariance_, outputs_;
  double ridge_ = 0;
  std::vector<double> negligible_;  // a variance below this is rounding, (M,)
};

}  // namespace xtangent::ntk
