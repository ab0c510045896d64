#pragma once

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/cholesky.hpp"
#include "ntk/per_example.hpp"

/// Which training examples a prediction comes from: the scores of TRAK (Park, Georgiev, Ilyas, Leclerc, Madry: TRAK:
/// Attributing Model Behavior at Scale, ICML 2023), from kernels.
///
/// With phi(x) the gradient of the margin log p / (1 - p) at the label of x, and Phi (N, P) those of the N training
/// examples, the score of training example n for an example x is
///
///   tau(x, n) = phi(x)^T (Phi^T Phi + ridge I)^-1 phi(x_n) (1 - p_n)
///
/// It is positive where training on n raises the margin of x. The paper projects the gradients to a few thousand
/// numbers, since P is too large for a matrix (P, P). By (Phi^T Phi + ridge I)^-1 Phi^T = Phi^T (Phi Phi^T + ridge
/// I)^-1 the same scores, without a projection, need only kernels of readout::margin, whose order is N:
///
///   const auto margin = ntk::readout::margin(labels);
///   const ntk::Attribution attribution(ntk::kernel(net, params, x, margin), {.ridge = 0.1});
///   const Array<double> scores = attribution.scores(
///       ntk::kernel(net, params, x_new, x, ntk::readout::between(ntk::readout::margin(labels_new), margin)),
///       ntk::misses(net(params, x), labels));
namespace xtangent::ntk {

/// log p / (1 - p) at the label of each example, for outputs (N, O) before the softmax: (N,). Exact also where p is
/// close to 1. Throws shape_error (another number of labels, or fewer than two outputs), data_error (a label that is no
/// output).
template <class T>
Var<T> margins(const Var<T>& outputs, const Labels& y);
template <class T>
Array<T> margins(const Array<T>& outputs, const Labels& y) {
  return margins(batched(outputs), y).value();
}
/// 1 - p at the label of each example, which is how strongly it pulls at its margin in training by cross-entropy: (N,).
/// Throws as `margins` does.
template <class T>
Array<T> misses(const Array<T>& outputs, const Labels& y);

/// Scores of N training examples, from the kernel K = Phi Phi^T of their margins, which may also come from projected
/// gradients. K + ridge I is factored once, in place for `Attribution(std::move(k))`. T = float or double is the type
/// of the kernel. Cost: N^3 / 3 FLOP. Memory: N^2 elements.
///
/// Without a ridge, and with more parameters than examples, each training example is explained by itself alone:
/// tau(x_n, n) is then 1 - p_n, whatever the network.
template <class T>
class Attribution {
 public:
  using Options = CholeskyOptions;
  /// Throws what Cholesky throws.
  explicit Attribution(Array<T> kernel, Options options = {}) : factor_(std::move(kernel), options) {}

  /// N
  std::size_t size() const { return factor_.size(); }
  /// The ridge that was added, absolute.
  double ridge() const { return factor_.ridge(); }

  /// tau (M, N) for the kernel (M, N) between M examples and the training examples, and misses (N,). Cost: 2 M N^2
  /// FLOP, and twice as many for each refinement. Throws shape_error, numerical_error (NaN or infinity).
  Array<double> scores(const AnyMatrix& kernel_new, const Doubles& misses) const;

  /// tau(x_n, n) of each training example on itself, (N,): (1 - p_n) times its leverage, which is between 0 and 1. It
  /// is large for examples that the others do not explain, such as those with wrong labels. Cost: N^3 / 3 FLOP. Throws
  /// shape_error, numerical_error.
  Array<double> self_influence(const Doubles& misses) const;

 private:
  Cholesky<T> factor_;
};

extern template class Attribution<float>;
extern template class Attribution<double>;

}  // namespace xtangent::ntk
