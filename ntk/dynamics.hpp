#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "autodiff/ops/loss.hpp"
#include "ntk/spectrum.hpp"

/// Training of the linearized network f(t) = f0 + J (theta(t) - theta0) by gradient flow or by gradient descent. At
/// every time of the flow, and after every step of descent, the outputs at new points are f0_new + K_new w with weights
/// w (N, O), which predict() of regression.hpp takes.
///
/// There are N examples and O outputs. A kernel has the order N (a pNTK, which treats every output by itself) or N O
/// (an eNTK with rows n O + o). Parameters follow d theta / dt = -grad L in the flow and theta <- theta - rate grad L
/// in descent. The scale of the loss L sets the unit of time and of the rate, so it must be given.
namespace xtangent::ntk {

/// The loss L as a function of the squares (f - y)^2 of all N O entries.
enum class SquaredError {
  half_sum,  ///< sum / 2: dL/df = f - y, the convention of the papers
  sum,       ///< sum: dL/df = 2 (f - y)
  mean,      ///< sum / (N O): dL/df = 2 (f - y) / (N O), PyTorch's mse_loss
};

/// Training with squared error, in closed form by the eigenvalues of the kernel. With c = 1, 2 or 2 / (N O) for the
/// three losses:
///   flow     f(t) - y = exp(-c K t) (f0 - y)           w(t) = K^-1 (I - exp(-c K t)) (y - f0)
///   descent  f_k - y = (I - rate c K)^k (f0 - y)        w_k = K^-1 (I - (I - rate c K)^k) (y - f0)
/// For a singular K the limits of these expressions are taken. Eigenvalues count as zero up to n times the precision of
/// a double times the largest one, which is the size of their rounding errors. Lee et al., Wide Neural Networks of Any
/// Depth Evolve as Linear Models Under Gradient Descent, 2019, equations 10 and 11. Cost: one eigendecomposition of
/// order n, then n^2 multiply-adds for each time and each right-hand side. Memory: at most 3 n^2 doubles during
/// construction, n^2 afterwards.
class Dynamics {
 public:
  /// y and f0 are (N, O). Throws shape_error, numerical_error (the kernel is not finite or not symmetric, or y or f0 is
  /// not finite).
  Dynamics(AnyMatrix kernel, Doubles y, Doubles f0, SquaredError loss = SquaredError::half_sum);

  /// The eigenvalues of the kernel in ascending order.
  const std::vector<double>& eigenvalues() const { return system_.values; }
  /// 2 / (c lambda_max). Descent with a higher rate diverges.
  double maximal_learning_rate() const;

  /// The weights w after gradient flow for a time. For an infinite time they are K^-1 (y - f0), without the directions
  /// in which K is zero. Throws option_error (the time is negative or NaN).
  Array<double> weights_at_time(double time) const;
  /// The weights w after k steps of gradient descent. Throws option_error (the rate is not positive and finite),
  /// numerical_error (descent has diverged).
  Array<double> weights_at_step(double rate, std::size_t k) const;
  /// The outputs f at the training points, (N, O).
  Array<double> outputs_at_time(double time) const;
  Array<double> outputs_at_step(double rate, std::size_t k) const;

 private:
  template <class Factor>
  Array<double> transformed(const Factor& factor) const;

  double scale_ = 1;
  Eigensystem system_;
  Array<double> y_, f0_, coefficients_;  // coefficients_: y - f0 in the basis of the eigenvectors
};

struct FlowOptions {
  double tolerance = 1e-8;  ///< error of one step in outputs and weights, relative to the larger of 1 and their maximum
  std::size_t max_products = 1000000;  ///< largest number of products with the kernel
};

/// Training with the cross-entropy of softmax(f). The network is linearized, the softmax is not: d w / dt = -c
/// (softmax(f) - y) with f = f0 + K w, where c is 1 for the sum over the examples and 1 / N for their mean. There is no
/// closed form. The flow is integrated by the method of Dormand and Prince of orders 5 and 4, which chooses its own
/// steps; descent is computed step by step. The kernel is only applied, so it may be an operator; linear_map() makes a
/// map of a formed kernel. Cost: one product with K for each step of descent and six for each step of the flow, which
/// takes at least about c lambda_max t / 6 steps.
class CrossEntropyDynamics {
 public:
  /// y (N, O) holds probabilities, each row with the sum 1; f0 is (N, O). Throws shape_error, data_error (y does not
  /// hold probabilities), option_error (Reduction::none), numerical_error (f0 is not finite).
  CrossEntropyDynamics(LinearMap kernel, Doubles y, Doubles f0, Reduction loss = Reduction::mean);

  /// The weights w (N, O) at times that ascend from 0. Throws option_error, numerical_error (more than max_products
  /// were needed).
  std::vector<Array<double>> weights_at_times(const std::vector<double>& times, const FlowOptions& options = {}) const;
  Array<double> weights_at_time(double time, const FlowOptions& options = {}) const;
  /// The weights w after k steps of gradient descent. Throws option_error (the rate is not positive and finite).
  Array<double> weights_at_step(double rate, std::size_t k) const;

 private:
  struct State;
  Array<double> slope(const Array<double>& f) const;
  Array<double> product(const Array<double>& w) const;

  LinearMap kernel_;
  Array<double> y_, f0_;
  double scale_ = 1;
};

}  // namespace xtangent::ntk
