#include <algorithm>
#include <utility>

#include "autodiff/factor.hpp"
#include "autodiff/origin.hpp"
#include "autodiff/rule_calls.hpp"

namespace xtangent {
namespace {

template <class T>
std::vector<Var<T>> constants(const Node<T>& node) {
  std::vector<Var<T>> x;
  for (const auto& argument : node.arguments) x.push_back(argument.value);
  return x;
}

// (K, N, ...) rows [first, last) of axis 1.
template <class T>
Array<T> examples_of(const Array<T>& ybar, std::size_t probes, std::size_t first, std::size_t last) {
  Factor<T> all = Factor<T>::from_dense(ybar, ybar.shape().slice(2, ybar.rank()));
  all.probes = probes;
  Shape shape = ybar.shape();
  shape[1] = last - first;
  return all.slice_examples(first, last).left.reshaped(shape);
}

// Cotangents (K, shape) of the wanted arguments for ybar (K, shape of y). A single probe spares the op the extra axis.
template <class T>
std::vector<Var<T>> cotangents_of(const Op<T>& op, Vars<T> x, const Var<T>& y, const Array<T>& ybar,
                                  const Wanted& wanted) {
  if (ybar.shape().front() != 1) return call_vjp<T>(op, x, y, Var<T>(ybar), wanted);
  std::vector<Var<T>> out = call_vjp<T>(op, x, y, Var<T>(ybar.reshaped(y.shape())), wanted);
  for (Var<T>& bar : out)
    if (bar.defined()) bar = Var<T>(bar.value().reshaped(bar.shape().prepended(1)));
  return out;
}

// The fallback for an argument without a rule: the op's vjp, one example after the other.
template <class T>
Factor<T> dense_factor(const Op<T>& op, Vars<T> x, const Var<T>& y, const Array<T>& ybar, std::size_t argument) {
  const std::size_t k = ybar.shape()[0], n = ybar.shape()[1], size = x[argument].size();
  Array<T> gradients = Array<T>::zeros({k, n, size});
  Wanted wanted(x.size(), false);
  wanted[argument] = true;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<Var<T>> xi(x.begin(), x.end());
    for (Var<T>& v : xi)
      if (v.examples() == Examples::axis0) v = Var<T>(v.value().rows(i, i + 1), Examples::axis0);
    const Var<T> yi(y.value().rows(i, i + 1), y.examples());
    const Var<T> bar = cotangents_of<T>(op, xi, yi, examples_of(ybar, k, i, i + 1), wanted)[argument];
    if (!bar.defined()) continue;
    for (std::size_t p = 0; p < k; ++p)
      std::copy_n(bar.value().data() + p * size, size, gradients.mutable_data() + (p * n + i) * size);
  }
  return Factor<T>::from_dense(std::move(gradients), x[argument].shape());
}

// (K, N, ...): do the examples of each probe have the same numbers?
template <class T>
bool same_for_all_examples(const Array<T>& ybar) {
  const std::size_t probes = ybar.shape()[0], n = ybar.shape()[1], one = n ? ybar.size() / (probes * n) : 0;
  for (std::size_t p = 0; p < probes; ++p) {
    const T* first = ybar.data() + p * n * one;
    for (std::size_t i = 1; i < n; ++i)
      if (!std::equal(first, first + one, first + i * one)) return false;
  }
  return true;
}

}  // namespace

template <class T>
FactorSweep<T>::FactorSweep(const Var<T>& y, Array<T> ybar, VarListOf<T> parameters, bool consume) : consume_(consume) {
  if (!y.on_tape())
    throw tape_error("[per-example sweep] the output is a constant: it depends on no parameter. Record it on a tape.");
  record_ = y.record();
  const std::size_t last = checked_position(record_.get(), y, "per-example sweep");
  std::vector<std::size_t> positions;
  for (const Var<T>& p : parameters) {
    positions.push_back(checked_position(record_.get(), p, "per-example sweep"));
    if (p.examples() != Examples::none || record_->nodes[positions.back()].op)
      throw tape_error("[per-example sweep] parameter " + std::to_string(positions.size() - 1) + " of shape " +
                       to_string(p.shape()) + " must be a leaf of the tape that is not marked batched.");
  }
  active_ = depends_on(*record_, positions, last);
  if (const auto mixing = first_mixing(*record_, active_, last)) throw batch_error(mixing_message(*record_, *mixing));
  if (y.examples() != Examples::axis0)
    throw batch_error("[per-example sweep] the output of shape " + to_string(y.shape()) +
                      " is not marked batched. Mark the input with batched(x), and keep examples on axis 0.");
  examples_ = y.shape().front();
  const bool has_probe_axis = ybar.rank() == y.rank() + 1;
  if (!(ybar.shape() == y.shape() || (has_probe_axis && ybar.shape().slice(1, ybar.rank()) == y.shape())))
    throw shape_error("[per-example sweep] cotangents of shape " + to_string(ybar.shape()) +
                      " for an output of shape " + to_string(y.shape()) +
                      ". Give that shape, or one probe axis in front of it.");
  probes_ = has_probe_axis ? ybar.shape().front() : 1;
  if (!has_probe_axis) ybar = ybar.reshaped(ybar.shape().prepended(1));
  same_seeds_ = same_for_all_examples(ybar);
  cotangent_.resize(last + 1);
  parameter_at_.assign(last + 1, -1);
  for (std::size_t i = 0; i < positions.size(); ++i)
    if (positions[i] <= last) parameter_at_[positions[i]] = static_cast<std::int64_t>(i);
  cotangent_[last] = Var<T>(std::move(ybar));
  cursor_ = last + 1;
}

template <class T>
std::optional<ParameterUse<T>> FactorSweep<T>::next() {
  while (ready_.empty())
    if (!advance()) return std::nullopt;
  ParameterUse<T> use = std::move(ready_.front());
  ready_.pop_front();
  return use;
}

template <class T>
bool FactorSweep<T>::advance() {
  while (cursor_-- > 0) {
    const bool read = cotangent_[cursor_].defined() && active_[cursor_];
    if (read) visit(cursor_);
    cotangent_[cursor_] = Var<T>();
    if (consume_ && record_->nodes[cursor_].op) {
      Node<T>& node = record_->nodes[cursor_];
      node.value = Var<T>();
      node.arguments.clear();
    }
    if (read) return true;
  }
  cursor_ = 0;
  return false;
}

template <class T>
void FactorSweep<T>::emit(std::size_t at, std::size_t target, Factor<T> factor) {
  // A factor keeps its form where only the parameter's layout changes.
  const bool product = (factor.kind == FactorKind::outer || factor.kind == FactorKind::outer_sum) && !factor.patches;
  const auto keeps_form = [&](const Node<T>& node) {
    return node.op && (node.op->reshapes() || (product && node.op->transposes()));
  };
  for (const Node<T>* node = &record_->nodes[target]; parameter_at_[target] < 0 && keeps_form(*node);
       node = &record_->nodes[target]) {
    if (node->op->transposes()) {
      // Behind a change of shape the parameter's rows are no longer those of the factors.
      const std::size_t rows = factor.transposed ? factor.right_size() : factor.left_size();
      if (factor.parameter[0] != rows) break;
      factor.transposed = !factor.transposed;
    }
    factor.parameter = node->arguments[0].value.shape();
    target = static_cast<std::size_t>(node->arguments[0].index);
  }
  if (parameter_at_[target] >= 0) {
    ready_.push_back(
        {static_cast<std::size_t>(parameter_at_[target]), record_->nodes[at].op->name(), at, std::move(factor)});
    return;
  }
  // A value made of parameters alone: each (probe, example) is a probe of the sweep through what made it.
  const Array<T> gradients = factor.dense();
  accumulate(cotangent_[target], Var<T>(gradients.reshaped(factor.parameter.prepended(probes_ * examples_))));
}

template <class T>
void FactorSweep<T>::visit(std::size_t i) {
  const Node<T>& node = record_->nodes[i];
  const bool batched = node.value.examples() == Examples::axis0;
  if (!node.op) {  // a parameter reached through parameter-only ops, with (K N) probes
    if (parameter_at_[i] < 0) return;
    const Array<T>& bars = cotangent_[i].value();
    ready_.push_back(
        {static_cast<std::size_t>(parameter_at_[i]), "parameter", i,
         Factor<T>::from_dense(bars.reshaped({probes_, examples_, node.value.size()}), node.value.shape())});
    return;
  }
  const std::vector<Var<T>> x = constants(node);
  Wanted wanted(x.size(), false), use(x.size(), false);
  bool any_wanted = false;
  for (std::size_t a = 0; a < x.size(); ++a) {
    const std::int64_t index = node.arguments[a].index;
    if (index < 0 || !active_[static_cast<std::size_t>(index)]) continue;
    use[a] = batched && x[a].examples() == Examples::none;
    wanted[a] = !use[a];
    any_wanted = any_wanted || wanted[a];
  }
  const Var<T> ybar = cotangent_[i];
  for (std::size_t a = 0; a < x.size(); ++a) {
    if (!use[a]) continue;
    std::optional<Factor<T>> factor = node.op->factor(a, x, ybar);
    if (!factor) factor = dense_factor<T>(*node.op, x, node.value, ybar.value(), a);
    factor->same_left = same_seeds_ && i + 1 == cotangent_.size() && factor->left.data() == ybar.value().data();
    emit(i, static_cast<std::size_t>(node.arguments[a].index), std::move(*factor));
  }
  if (!any_wanted) return;
  std::vector<Var<T>> bars = cotangents_of<T>(*node.op, x, node.value, ybar.value(), wanted);
  for (std::size_t a = 0; a < x.size(); ++a) {
    if (!wanted[a] || !bars[a].defined()) continue;
    Var<T> term = std::move(bars[a]);
    accumulate(cotangent_[static_cast<std::size_t>(node.arguments[a].index)], term);
  }
}

template class FactorSweep<float>;
template class FactorSweep<double>;

}  // namespace xtangent
