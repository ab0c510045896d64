#include "ntk/computation/recorded_gradients.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "autodiff/factor.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/origin.hpp"
#include "autodiff/rule_calls.hpp"
#include "ntk/planning/model.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
class Recorder {
 public:
  Recorder(const nn::ModuleBase& net, const nn::Parameters<T>& params, Vars<T> parameters, const Var<T>& x,
           const Cotangents<T>& readout, std::size_t first)
      : c_(readout.count()), n_(x.shape().front()) {
    std::shared_ptr<Record<T>> record = x.record();
    for (const Var<T>& p : parameters) {
      if (p.on_tape() && record && p.record() != record)
        throw tape_error("[kernel] inputs and parameters stand on different tapes.");
      if (p.on_tape()) record = p.record();
    }
    live_ = record != nullptr;
    Tape<T> tape = live_ ? Tape<T>(record) : Tape<T>();
    record_ = tape.record();
    begin_ = tape.size();
    // Parameters get nodes of their own, since the ops from which they are made are not part of the network.
    for (std::size_t i = 0; i < params.count(); ++i) {
      const bool on_tape = i < parameters.size() && parameters[i].on_tape();
      leaves_.push_back(on_tape ? parameters[i] * 1.0
                                : tape.variable(i < parameters.size() ? parameters[i].value() : params.slice(i)));
    }
    output_ = as_outputs(net.apply(params, Vars<T>(leaves_), x));
    check_output();
    seed_ = readout.recorded(first, live_ ? output_ : Var<T>(output_.value()));
  }

  std::vector<RecordedGradient<T>> run() {
    std::vector<RecordedGradient<T>> out(leaves_.size());
    if (!output_.on_tape()) return out;
    find_uses();
    std::vector<Var<T>> targets;
    for (const Use& use : uses_) targets.push_back(var_at(record_, use.node));
    const std::vector<Var<T>> bars = pullback<T>(output_, seed_, targets, {.record = live_});
    for (std::size_t u = 0; u < uses_.size(); ++u)
      if (bars[u].defined()) add(uses_[u], bars[u], out);
    return out;
  }

 private:
  struct Use {
    std::size_t node, argument;
    std::size_t source;                    // position of the argument on the tape
    std::optional<std::size_t> parameter;  // if the argument is a parameter, perhaps in another shape
  };

  void check_output() const {
    if (output_.rank() != 2 || output_.shape()[0] != n_)
      throw shape_error("[kernel] the network's output is " + to_string(output_.shape()) + " for " +
                        std::to_string(n_) + " examples, expected (" + std::to_string(n_) + ", O).");
    if (output_.examples() != Examples::axis0)
      throw batch_error(
          "[kernel] the network mixes examples: its output " + to_string(output_.shape()) +
          " is not marked batched. Use evaluation mode, reduce over other axes, or reshape behind axis 0.");
  }

  const Node<T>& node(std::size_t i) const { return record_->nodes[i]; }

  void find_uses() {
    std::vector<std::size_t> positions;
    for (const Var<T>& p : leaves_) positions.push_back(p.position());
    const std::size_t last = output_.position();
    active_ = depends_on(*record_, positions, last);
    if (const auto mixing = first_mixing(*record_, active_, last)) throw batch_error(mixing_message(*record_, *mixing));
    const std::vector<bool> reaches_output = reach(*record_, last);
    for (std::size_t i = begin_; i <= last; ++i) {
      if (!active_[i] || !node(i).op || !reaches_output[i] || node(i).value.examples() != Examples::axis0) continue;
      for (std::size_t a = 0; a < node(i).arguments.size(); ++a) {
        const auto& argument = node(i).arguments[a];
        if (argument.index < 0 || !active_[static_cast<std::size_t>(argument.index)]) continue;
        if (argument.value.examples() == Examples::none)
          uses_.push_back({i, a, static_cast<std::size_t>(argument.index), parameter_at(argument.index)});
      }
    }
    count_.assign(leaves_.size(), 0);
    for (const Use& use : uses_)
      if (use.parameter)
        ++count_[*use.parameter];
      else  // through ops it may reach any parameter, so none keeps its form
        for (std::size_t p = 0; p < leaves_.size(); ++p) count_[p] += reaches(positions[p], use.source) ? 1 : 0;
  }
  std::optional<std::size_t> parameter_at(std::int64_t index) const {
    std::size_t at = static_cast<std::size_t>(index);
    while (at >= begin_ && node(at).op && node(at).op->reshapes() && node(at).arguments[0].index >= 0)
      at = static_cast<std::size_t>(node(at).arguments[0].index);
    for (std::size_t p = 0; p < leaves_.size(); ++p)
      if (leaves_[p].position() == at) return p;
    return std::nullopt;
  }
  bool reaches(std::size_t from, std::size_t to) const {
    if (from > to) return false;
    const std::size_t one[] = {from};
    return depends_on(*record_, std::span<const std::size_t>(one), to)[to];
  }

  Var<T> value(std::size_t i) const { return live_ ? var_at(record_, i) : node(i).value; }
  std::vector<Var<T>> arguments(std::size_t i) const {
    std::vector<Var<T>> out;
    for (const auto& argument : node(i).arguments)
      out.push_back(live_ && argument.index >= 0 ? value(static_cast<std::size_t>(argument.index)) : argument.value);
    return out;
  }

  // The gradient of a use. bar (K, N, ...) is the cotangent of its output.
  RecordedGradient<T> gradient(const Use& use, const Var<T>& bar) const {
    using Form = typename RecordedGradient<T>::Form;
    const std::vector<Var<T>> x = arguments(use.node);
    std::vector<Var<T>> constants;
    for (const auto& argument : node(use.node).arguments) constants.push_back(argument.value);
    const Var<T> plain = bar.detached();
    const std::optional<Factor<T>> f = node(use.node).op->factor(use.argument, constants, plain);
    // The gradient if its left factor is the cotangent itself and its right factor is an argument itself.
    const bool plain_left = f && f->left.data() == plain.value().data() && f->left.size() == plain.size();
    if (plain_left && f->kind == FactorKind::bias) {
      const std::size_t channels = f->left_size();
      const Shape shape =
          f->channels_first ? Shape{c_, n_, channels, f->positions} : Shape{c_, n_, f->positions, channels};
      return {Form::dense, sum(reshape(bar, shape), {f->channels_first ? -1L : -2L}), {}};
    }
    const bool outer = plain_left && !f->patches && !f->channels_first &&
                       (f->kind == FactorKind::outer || f->kind == FactorKind::outer_sum);
    for (std::size_t a = 0; outer && a < x.size(); ++a) {
      if (a == use.argument || constants[a].value().data() != f->right.data() || constants[a].size() != f->right.size())
        continue;
      const std::size_t left = f->left_size(), right = f->right_size(), d = f->positions;
      if (d == 1 && use.parameter && count_[*use.parameter] == 1)
        return {Form::outer, reshape(bar, {c_, n_, left}), reshape(x[a], {n_, right})};
      const Var<T> l = reshape(bar, {c_, n_, d, left}), r = reshape(x[a], {n_, d, right});
      const Var<T> sums = f->transposed ? matmul(r, l, {.transpose_a = true}) : matmul(l, r, {.transpose_a = true});
      return {Form::dense, reshape(sums, {c_, n_, left * right}), {}};
    }
    return {Form::dense, one_by_one(use, x, bar), {}};
  }

  // The derivative that the op has, at each example: (K, N, P).
  Var<T> one_by_one(const Use& use, const std::vector<Var<T>>& x, const Var<T>& bar) const {
    const Op<T>& op = *node(use.node).op;
    const Var<T> y = value(use.node);
    Wanted wanted(x.size(), false);
    wanted[use.argument] = true;
    std::vector<Var<T>> rows;
    for (std::size_t i = 0; i < n_; ++i) {
      std::vector<Var<T>> xi;
      for (const Var<T>& v : x) xi.push_back(v.examples() == Examples::axis0 ? slice(v, 0, i, i + 1) : v);
      const Var<T> yi = slice(y, 0, i, i + 1), li = slice(bar, 1, i, i + 1);
      const Var<T> g = call_vjp<T>(op, xi, yi, li, wanted)[use.argument];
      const Shape shape{c_, 1, x[use.argument].size()};
      rows.push_back(g.defined() ? reshape(g, shape) : Var<T>(Array<T>::zeros(shape)));
    }
    return rows.size() == 1 ? rows.front() : concatenate<T>(rows, 1);
  }

  void add(const Use& use, const Var<T>& bar, std::vector<RecordedGradient<T>>& out) const {
    RecordedGradient<T> found = gradient(use, bar);
    if (use.parameter) {
      RecordedGradient<T>& total = out[*use.parameter];
      if (total.left.defined())
        total.left = total.left + found.left;  // the parameter is used several times, so both are dense
      else
        total = std::move(found);
      return;
    }
    // The argument is made from parameters by ops. Each pair of a probe and an example is a probe of the sweep through
    // these ops.
    const Var<T> source = var_at(record_, use.source);
    const std::vector<Var<T>> through =
        pullback<T>(source, reshape(found.left, source.shape().prepended(c_ * n_)), leaves_, {.record = live_});
    for (std::size_t p = 0; p < leaves_.size(); ++p) {
      if (!through[p].defined()) continue;
      const Var<T> term = reshape(through[p], {c_, n_, leaves_[p].size()});
      out[p].left = out[p].left.defined() ? out[p].left + term : term;
    }
  }

  std::size_t c_, n_, begin_ = 0;
  bool live_ = false;
  std::shared_ptr<Record<T>> record_;
  std::vector<Var<T>> leaves_;
  Var<T> output_, seed_;
  std::vector<bool> active_;
  std::vector<Use> uses_;
  std::vector<std::size_t> count_;  // uses of each parameter
};

}  // namespace

template <class T>
std::vector<RecordedGradient<T>> recorded_gradients(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                    Vars<T> parameters, const Var<T>& x, const Cotangents<T>& readout,
                                                    std::size_t first) {
  if (!x.defined() || x.rank() == 0 || x.shape().front() == 0)
    throw shape_error("[kernel] no examples: shape " + to_string(x.shape()) + ".");
  if (!parameters.empty() && parameters.size() != params.count())
    throw shape_error("[kernel] " + std::to_string(parameters.size()) + " parameters for a network of " +
                      std::to_string(params.count()) + ".");
  bool dual = x.dual() != nullptr;
  for (const Var<T>& p : parameters) dual = dual || p.dual();
  if (dual)
    throw tape_error(
        "[kernel] an argument carries a tangent of streaming forward mode. Record it on a tape and use "
        "pushforward.");
  if (x.on_tape() && x.examples() != Examples::axis0)
    throw batch_error("[kernel] x " + to_string(x.shape()) +
                      " on the tape is not marked batched. Record it with tape.variable(x, Examples::axis0).");
  const Var<T> examples = x.on_tape() ? x : batched(x.value());
  return Recorder<T>(net, params, parameters, examples, readout, first).run();
}

#define XTANGENT_INSTANTIATE(T)                                 \
  template std::vector<RecordedGradient<T>> recorded_gradients( \
      const nn::ModuleBase&, const nn::Parameters<T>&, Vars<T>, const Var<T>&, const Cotangents<T>&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
