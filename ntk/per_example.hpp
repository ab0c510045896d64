#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autodiff/range.hpp"
#include "autodiff/var.hpp"
#include "ntk/readout.hpp"

/// Readouts that take other combinations of the outputs for each example: the output at its label, the gradient of its
/// loss, or any function of its outputs.
///
/// With A_n (O, C) for example n of the rows and B_m (O, C') for example m of the columns, the kernel is
///
///   K[n c, m d] = A_n[:, c]^T J(x_n) J(x_m)^T B_m[:, d]
///
/// It is (N C, M C'), and C and C' may differ: between(loss(y), full()) has each example's loss in its rows and all
/// outputs in its columns. It costs what the kernel of a common readout with C columns costs. A readout that holds
/// something for each example, such as labels, is of one set of examples: for the kernel between two sets use
/// readout::between.
namespace xtangent::ntk {

/// The combinations A_n (O, C) of the outputs of each example n, on one side of a kernel.
class PerExample {
 public:
  virtual ~PerExample() = default;
  /// For plans and messages.
  virtual std::string name() const = 0;
  /// C for a network of O outputs.
  virtual std::size_t columns(std::size_t) const { return 1; }
  /// The number of examples for which something is held, or nothing if it serves any number of them.
  virtual std::optional<std::size_t> examples() const { return std::nullopt; }
  /// Throws shape_error or data_error unless it fits a network of O outputs.
  virtual void check(std::size_t) const {}
  /// (C, n, O): the combinations of the n examples from number `first` on, whose outputs are (n, O). If the outputs are
  /// on a tape and the combinations depend on them, so are the results.
  virtual Var<float> cotangents(std::size_t first, const Var<float>& outputs) const = 0;
  virtual Var<double> cotangents(std::size_t first, const Var<double>& outputs) const = 0;
  /// A checksum of what is held, by which a store knows its kernel again.
  virtual std::string fingerprint() const = 0;
};

/// Combinations that are gradients: A_n = dg_n / df_n of functions g_n of the outputs of example n. The kernel is then
/// the Gram of the gradients of g_n(f(x_n)) with respect to the parameters.
class OfOutputs : public PerExample {
 public:
  Var<float> cotangents(std::size_t first, const Var<float>& outputs) const final;
  Var<double> cotangents(std::size_t first, const Var<double>& outputs) const final;

 protected:
  /// g of the examples, whose outputs are (n, O): (n,) or (n, C).
  virtual Var<float> value(Range examples, const Var<float>& outputs) const = 0;
  virtual Var<double> value(Range examples, const Var<double>& outputs) const = 0;
};

using Labels = std::vector<std::size_t>;

namespace readout {

/// A (N, O, C), or (N, O) for one column. Throws shape_error, numerical_error (NaN or infinity).
Readout per_example(Array<double> a);
/// Each side of the kernel has a readout of its own, which may be a common one: between(labels(y1), labels(y2)) or
/// between(full(), labels(y)). The two may have different numbers of columns, unless the reduction is trace or
/// diagonal: then the kernel throws shape_error. Throws option_error if the reductions differ, or one of them is
/// already between two.
Readout between(const Readout& rows, const Readout& columns);
/// per_example for the rows, A (N, O, C), and for the columns, B (M, O, C').
Readout per_example(Array<double> a, Array<double> b);

/// The output at the label of each example: entry (y_n, y_m) of each block of the eNTK. The kernel throws data_error
/// for a label that is no output.
Readout labels(Labels y);
/// log softmax(f_n)[y_n]: the Gram of the gradients of log-probabilities.
Readout log_probability(Labels y);
/// log(p / (1 - p)) with p = softmax(f_n)[y_n], the function of which TRAK takes the kernel (Park et al., ICML 2023).
/// A network needs at least two outputs.
Readout margin(Labels y);
/// s_n / sqrt(O) with s_n = 1 at the label and -1 at the other outputs: the kernel lpNTK of Guo, Ren, Albrecht and
/// Smith (ICLR 2024).
Readout signed_labels(Labels y);
/// The gradient of the cross-entropy of softmax(f_n) at the label: the Gram of the gradients of each example's loss.
/// The sum of its entries is N^2 times the squared norm of the gradient of the mean loss.
Readout loss(Labels y);
/// The same for the squared error, the mean over the outputs of (f_n - t_n)^2, for targets t (N, O). Throws
/// shape_error, numerical_error.
Readout loss(Array<double> targets);
/// For outputs (N, T, V), such as the logits of a language model at T positions: the gradient of the mean over
/// positions of the cross-entropy with targets y, T for each example one after the other. With a mask (N, T) it is the
/// mean over the positions where it is 1, or weighted by it. Throws shape_error (T is 0, the targets are not N T,
/// another mask) and data_error (an example whose mask is empty, a number that is negative or not finite).
Readout token_loss(Labels y, std::size_t positions, Array<double> mask = {});
/// For outputs (N, T, V): the mean over the positions of each example where mask (N, T) is 1, or weighted by it, of the
/// combinations that `inner` takes of the V outputs of a position. Throws as token_loss does, and option_error if
/// `inner` is not common.
Readout masked_mean(Array<double> mask, const Readout& inner);

/// The gradient of the cross-entropy at a label that is drawn from softmax(f_n), once for each example: its kernel has
/// the Fisher information's spectrum in expectation. Example n of either side draws number n of the seed.
Readout fisher(std::uint64_t seed);

/// The readouts of this page by their names, with the labels of the examples: "labels", "log_probability", "margin",
/// "loss", "lpntk" and "fisher:SEED"; and all that `parse(text)` reads. Throws option_error, which lists the names.
Readout parse(std::string_view text, const Labels& labels);

namespace detail {

template <class F>
class Function : public OfOutputs {
 public:
  Function(std::string name, std::size_t columns, std::optional<std::size_t> examples, std::string fingerprint, F g)
      : name_(std::move(name)), columns_(columns), examples_(examples), fingerprint_(std::move(fingerprint)), g_(g) {}
  std::string name() const override { return name_; }
  std::size_t columns(std::size_t) const override { return columns_; }
  std::optional<std::size_t> examples() const override { return examples_; }
  std::string fingerprint() const override { return fingerprint_; }

 protected:
  Var<float> value(Range examples, const Var<float>& outputs) const override { return g_(outputs, examples); }
  Var<double> value(Range examples, const Var<double>& outputs) const override { return g_(outputs, examples); }

 private:
  std::string name_;
  std::size_t columns_;
  std::optional<std::size_t> examples_;
  std::string fingerprint_;
  F g_;
};

Readout of(std::shared_ptr<const PerExample> both);

}  // namespace detail

struct FunctionOptions {
  std::size_t columns = 1;                             ///< C
  std::optional<std::size_t> examples = std::nullopt;  ///< the number for which g knows something, such as targets
  std::string fingerprint = {};                        ///< what tells g from others of its name, for stores
};

/// A function of one's own, for example a loss: g(outputs (n, O), examples) is (n,) or (n, C), for Vars of float and of
/// double, where examples.first is the number of the first of the n examples.
///
///   const auto focal = readout::of_outputs("focal", [y](const auto& f, Range at) {
///     const auto loss = cross_entropy(f, Labels(y.begin() + at.first, y.begin() + at.last), Reduction::none);
///     return square(1.0 - exp(-loss)) * loss;
///   });
///
/// It may be called by several threads at the same time. The kernel throws shape_error for another shape, and
/// batch_error if g mixes examples.
template <class F>
requires std::invocable < const F&, const Var<double>
&, Range > &&std::invocable<const F&, const Var<float>&, Range> Readout of_outputs(std::string name, F g,
                                                                                   FunctionOptions options = {}) {
  return detail::of(std::make_shared<detail::Function<F>>(std::move(name), options.columns, options.examples,
                                                          std::move(options.fingerprint), std::move(g)));
}

}  // namespace readout

}  // namespace xtangent::ntk
