#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "autodiff/ops/loss.hpp"
#include "ntk/spectrum.hpp"

/// Training of the linearized network f(t) = f0 + J (theta(t) - theta0) by gradient flow or by gradient descent, with
/// or without momentum. At every time of the flow, and after every step of descent, the outputs at new points are
/// f0_new + K_new w with weights w (N, O), which predict() of regression.hpp takes.
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

/// The gradient dL/df (N, O) of a loss with respect to the outputs f (N, O) at the training points. For a loss that is
/// written on Vars it is grad(loss, f) of autodiff/derivatives.hpp.
using LossGradient = std::function<Array<double>(const Array<double>& outputs)>;

/// c (f - y) with c = 1, 2 or 2 / (N O), for y (N, O). Throws shape_error (of the result, for f of another shape),
/// numerical_error (y is not finite).
LossGradient squared_error_gradient(Doubles y, SquaredError loss = SquaredError::half_sum);
/// c (softmax(f) - y) with c = 1 for the sum over the examples and 1 / N for their mean. y (N, O) holds probabilities,
/// each row with the sum 1. Throws shape_error, data_error (y does not hold probabilities), option_error
/// (Reduction::none).
LossGradient cross_entropy_gradient(Doubles y, Reduction loss = Reduction::mean);

struct FlowOptions {
  /// Error of one step, in outputs relative to the sum of 1 and their largest value so far, in weights and velocities
  /// relative to their largest value so far.
  double tolerance = 1e-8;
  std::size_t max_products = 1000000;  ///< largest number of products with the kernel
  /// Without it the parameters follow gradient flow. With it they have momentum: d^2 theta / dt^2 = -grad L - friction
  /// d theta / dt, from rest. Descent with momentum m and a small rate r (v <- m v + grad, theta <- theta - r v)
  /// follows this for friction = (1 - m) / sqrt(r), and its step k is at the time k sqrt(r).
  std::optional<double> friction = {};
};

/// What training has come to at one time: the weights w and the outputs f0 + K w at the training points, both (N, O).
struct FlowState {
  Array<double> weights, outputs;
};

/// Training with any loss. The network is linearized, the loss is not: d w / dt = -dL/df with f = f0 + K w, for which
/// there is no closed form in general. The flow is integrated by the method of Dormand and Prince of orders 5 and 4
/// (Boost.Odeint), which chooses its own steps and reads the given times from its interpolation; descent is computed
/// step by step. The kernel is only applied, so it may be an operator; linear_map() makes a map of a formed kernel.
///
///   const auto hinge = [&](const Var<double>& f) { return sum(relu(1.0 - signs * f)); };  // y = 1 or -1
///   const ntk::LossDynamics dynamics(ntk::linear_map(k), f0, [&](const Array<double>& f) { return grad(hinge, f); });
///   for (const ntk::FlowState& state : dynamics.states_at_times({1, 10, 100}, {.friction = 0.5}))
///     predictions.push_back(ntk::predict(k_new, state.weights, f0_new));
///
/// Cost: one product with K for each step of descent and six for each step of the flow. The method is explicit, so a
/// step is at most about 3.3 / (c lambda_max) long, where c is the largest curvature of the loss, or 1 / sqrt(c
/// lambda_max) with momentum: a time t takes at least about 2 c lambda_max t products, or 6 sqrt(c lambda_max) t,
/// however small lambda_min is. An implicit method would take longer steps and solve a system of order N O in each of
/// them; for squared error Dynamics reaches any time at once. Memory: about 16 vectors of 2 N O doubles, or of 4 N O
/// with momentum.
class LossDynamics {
 public:
  /// f0 is (N, O), and the kernel has the order N or N O. Throws shape_error, numerical_error (f0 is not finite).
  LossDynamics(LinearMap kernel, Doubles f0, LossGradient gradient);

  /// Weights and outputs at times that ascend from 0. Throws option_error (the times, or the options), shape_error (the
  /// gradient has another shape), numerical_error (the gradient is not finite, whatever the step, or more than
  /// max_products were needed).
  std::vector<FlowState> states_at_times(const std::vector<double>& times, const FlowOptions& options = {}) const;
  /// The weights w (N, O) alone.
  std::vector<Array<double>> weights_at_times(const std::vector<double>& times, const FlowOptions& options = {}) const;
  Array<double> weights_at_time(double time, const FlowOptions& options = {}) const;
  /// The weights w after k steps of gradient descent with momentum, as PyTorch's SGD has it: v <- momentum v + grad,
  /// theta <- theta - rate v. Throws option_error (the rate is not positive and finite, or the momentum not in [0, 1)),
  /// and what the flow throws.
  Array<double> weights_at_step(double rate, std::size_t k, double momentum = 0) const;
  /// Weights and outputs after these numbers of steps, which ascend, in one descent to the last of them. Throws the
  /// same, and option_error (the numbers).
  std::vector<FlowState> states_at_steps(double rate, const std::vector<std::size_t>& steps, double momentum = 0) const;

 private:
  Array<double> slope(const Array<double>& f) const;
  Array<double> product(const Array<double>& w) const;
  struct System;

  LinearMap kernel_;
  Array<double> f0_;
  LossGradient gradient_;
};

/// Training with the cross-entropy of softmax(f): LossDynamics with cross_entropy_gradient.
class CrossEntropyDynamics : public LossDynamics {
 public:
  /// y (N, O) holds probabilities, each row with the sum 1; f0 is (N, O). Throws what the two of them throw.
  CrossEntropyDynamics(LinearMap kernel, Doubles y, Doubles f0, Reduction loss = Reduction::mean);
};

}  // namespace xtangent::ntk
