#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "autodiff/ops/loss.hpp"
#include "ntk/spectrum.hpp"

/// Training of the linearized network, f(t) = f0 + J (theta(t) - theta0): gradient flow at a time, gradient descent at
/// a step. At any point of either, outputs are f0_new + K_new w for weights w (N, O) that predict() of regression.hpp
/// takes.
///
/// N examples, O outputs; kernels of order N (pNTK: every output by itself) or N O (eNTK, rows n O + o). Parameters
/// follow d theta / dt = -grad L, or theta <- theta - rate grad L, of a loss L whose scale must be said:
namespace xtangent::ntk {

/// L as a function of the squares (f - y)^2 of all N O entries.
enum class SquaredError {
  half_sum,  ///< sum / 2: dL/df = f - y, the convention of the papers
  sum,       ///< sum: dL/df = 2 (f - y)
  mean,      ///< sum / (N O): dL/df = 2 (f - y) / (N O), PyTorch's mse_loss
};

/// Squared error in closed form, by the eigenvalues of the kernel. With c = 1, 2 or 2 / (N O):
///   flow     f(t) - y = exp(-c K t) (f0 - y)           w(t) = K^-1 (I - exp(-c K t)) (y - f0)
///   descent  f_k - y = (I - rate c K)^k (f0 - y)        w_k = K^-1 (I - (I - rate c K)^k) (y - f0)
/// which hold for a singular K as well, by their limits. Lee et al., Wide Neural Networks of Any Depth Evolve as Linear
/// Models Under Gradient Descent, 2019, equations 10 and 11. Cost: one eigendecomposition, then n^2 multiply-adds a
/// column and time; memory 3 n^2 doubles at most at construction, n^2 after.
class Dynamics {
 public:
  /// y and f0 (N, O). Throws shape_error, numerical_error (kernel not finite, not symmetric; y or f0 not finite).
  Dynamics(AnyMatrix kernel, Doubles y, Doubles f0, SquaredError loss = SquaredError::half_sum);

  /// Of the kernel, ascending.
  const std::vector<double>& eigenvalues() const { return system_.values; }
  /// 2 / (c lambda_max): descent with a higher rate diverges.
  double maximal_learning_rate() const;

  /// w after gradient flow for a time, infinity included (then K^-1 (y - f0), without the directions in which K is
  /// zero). Throws option_error (negative, NaN).
  Array<double> weights_at_time(double time) const;
  /// w after k steps of gradient descent. Throws option_error (rate not positive and finite), numerical_error
  /// (diverged).
  Array<double> weights_at_step(double rate, std::size_t k) const;
  /// f at the training points, (N, O).
  Array<double> outputs_at_time(double time) const;
  Array<double> outputs_at_step(double rate, std::size_t k) const;

 private:
  template <class Factor>
  Array<double> transformed(const Factor& factor) const;
  Array<double> outputs(const Array<double>& change) const;

  double scale_ = 1;
  Eigensystem system_;
  Array<double> y_, f0_, coefficients_;  // coefficients (n, columns): of y - f0 in the eigenvectors
};

struct FlowOptions {
  double tolerance = 1e-8;             ///< error of one step in outputs and weights, beside 1 and their largest
  std::size_t max_products = 1000000;  ///< products with the kernel, at most
};

/// Cross-entropy of softmax(f) with the network linearized and the softmax kept as it is: d w / dt = -c (softmax(f) -
/// y), f = f0 + K w, where c is 1 for the sum over the examples and 1 / N for their mean. There is no closed form: flow
/// is integrated by the pair of Dormand and Prince of orders 5 and 4 with steps of its own choice, descent step by
/// step. The kernel is only applied: a formed one through linear_map(), or an operator. Cost: a product with K a step,
/// six a step of the flow; the flow takes about c lambda_max t / 6 steps at least.
class CrossEntropyDynamics {
 public:
  /// Probabilities y (N, O), each row with sum 1, and f0 (N, O). Throws shape_error, data_error (not probabilities),
  /// option_error (Reduction::none), numerical_error (f0 not finite).
  CrossEntropyDynamics(LinearMap kernel, Doubles y, Doubles f0, Reduction loss = Reduction::mean);

  /// w (N, O) at times that ascend from 0. Throws option_error, numerical_error (too many products).
  std::vector<Array<double>> weights_at_times(const std::vector<double>& times, const FlowOptions& options = {}) const;
  Array<double> weights_at_time(double time, const FlowOptions& options = {}) const;
  /// w after k steps of gradient descent. Throws option_error (rate not positive and finite).
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
