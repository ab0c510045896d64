// The reverse and forward sweeps over a recording, and streaming forward mode.
#include <algorithm>
#include <atomic>
#include <utility>

#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/rule_calls.hpp"
#include "autodiff/tape.hpp"

namespace xtangent {
namespace {

// A rule's arguments: on the tape when the sweep is recorded, else the detached values.
template <class T>
std::vector<Var<T>> rule_arguments(const std::shared_ptr<Record<T>>& record, std::size_t node, bool on_tape) {
  std::vector<Var<T>> x;
  for (const auto& argument : record->nodes[node].arguments)
    x.push_back(on_tape && argument.index >= 0 ? var_at(record, static_cast<std::size_t>(argument.index))
                                               : argument.value);
  return x;
}

template <class T>
void check_seed(const char* who, const Var<T>& seed, const Shape& shape) {
  if (seed.shape() == shape) return;
  if (seed.rank() == shape.rank() + 1 && seed.shape().slice(1, seed.rank()) == shape) return;
  throw shape_error(std::string("[") + who + "] seed of shape " + to_string(seed.shape()) + " for a value of shape " +
                    to_string(shape) + ". Give that shape, or one probe axis in front of it.");
}

}  // namespace

template <class T>
void accumulate(Var<T>& sum, const Var<T>& term) {
  if (!sum.defined()) {
    sum = term;
  } else if (sum.is_constant() && term.is_constant() && sum.value().unique() && sum.shape() == term.shape()) {
    Array<T> total = sum.value();
    const Examples examples = sum.examples();
    sum = Var<T>();  // total is the only holder now, so it is written in place
    kernels::axpy(total.size(), T(1), term.value().data(), total.mutable_data());
    sum = Var<T>(std::move(total), examples);
  } else {
    sum = sum + term;
  }
}

namespace {

template <class T>
std::vector<Var<T>> reverse_sweep(const Var<T>& y, const Var<T>& ybar, Vars<T> inputs, SweepOptions options) {
  if (!y.on_tape()) return std::vector<Var<T>>(inputs.size());  // a constant depends on nothing
  const std::shared_ptr<Record<T>> record = y.record();
  const std::size_t last = checked_position(record.get(), y, "pullback");
  check_seed("pullback", ybar, y.shape());
  std::vector<std::size_t> positions;
  for (const Var<T>& x : inputs) positions.push_back(checked_position(record.get(), x, "pullback"));
  const std::vector<bool> active = depends_on(*record, positions, last);

  std::vector<Var<T>> cotangent(last + 1);
  std::vector<bool> kept(last + 1, false);
  for (std::size_t p : positions)
    if (p <= last) kept[p] = true;
  if (active[last]) cotangent[last] = ybar;
  for (std::size_t i = last + 1; i-- > 0;) {
    if (!cotangent[i].defined() || !record->nodes[i].op) continue;
    const std::shared_ptr<const Op<T>> op = record->nodes[i].op;
    Wanted wanted;
    bool any = false;
    for (const auto& argument : record->nodes[i].arguments) {
      wanted.push_back(argument.index >= 0 && active[static_cast<std::size_t>(argument.index)]);
      any = any || wanted.back();
    }
    if (!any) continue;
    const std::vector<Var<T>> x = rule_arguments(record, i, options.record);
    const Var<T> value = options.record ? var_at(record, i) : record->nodes[i].value;
    const Var<T> seed = kept[i] ? cotangent[i] : std::exchange(cotangent[i], Var<T>());
    std::vector<Var<T>> xbar = call_vjp<T>(*op, x, value, seed, wanted);
    for (std::size_t a = 0; a < xbar.size(); ++a)
      if (wanted[a] && xbar[a].defined()) {
        const auto target = static_cast<std::size_t>(record->nodes[i].arguments[a].index);
        Var<T> term = std::move(xbar[a]);
        accumulate(cotangent[target], term);
      }
  }
  std::vector<Var<T>> out;
  for (std::size_t p : positions) out.push_back(p <= last ? cotangent[p] : Var<T>());
  return out;
}

template <class T>
std::vector<Var<T>> forward_sweep(Vars<T> outputs, Vars<T> inputs, Vars<T> tangents, SweepOptions options) {
  if (inputs.size() != tangents.size())
    throw shape_error("[pushforward] " + std::to_string(inputs.size()) + " inputs, " + std::to_string(tangents.size()) +
                      " tangents.");
  std::vector<Var<T>> out(outputs.size());
  if (inputs.empty()) return out;
  const std::shared_ptr<Record<T>> record = inputs.front().record();
  std::vector<std::size_t> positions, targets;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    positions.push_back(checked_position(record.get(), inputs[i], "pushforward"));
    if (tangents[i].defined()) check_seed("pushforward", tangents[i], inputs[i].shape());
  }
  std::size_t last = 0;
  for (const Var<T>& y : outputs)
    if (y.on_tape()) {
      targets.push_back(checked_position(record.get(), y, "pushforward"));
      last = std::max(last, targets.back());
    }
  if (targets.empty()) return out;
  const std::vector<bool> active = depends_on(*record, positions, last);
  std::vector<bool> needed(last + 1, false);  // does an output depend on it?
  for (std::size_t t : targets) needed[t] = true;
  for (std::size_t i = last + 1; i-- > 0;)
    if (needed[i] && active[i])
      for (const auto& argument : record->nodes[i].arguments)
        if (argument.index >= 0) needed[static_cast<std::size_t>(argument.index)] = true;

  std::vector<Var<T>> tangent(last + 1);
  for (std::size_t i = 0; i < positions.size(); ++i)
    if (positions[i] <= last && tangents[i].defined()) accumulate(tangent[positions[i]], tangents[i]);
  for (std::size_t i = 0; i <= last; ++i) {
    if (!active[i] || !needed[i] || !record->nodes[i].op) continue;
    std::vector<Var<T>> dx;
    bool any = false;
    for (const auto& argument : record->nodes[i].arguments) {
      dx.push_back(argument.index >= 0 ? tangent[static_cast<std::size_t>(argument.index)] : Var<T>());
      any = any || dx.back().defined();
    }
    if (!any) continue;
    const std::shared_ptr<const Op<T>> op = record->nodes[i].op;
    const std::vector<Var<T>> x = rule_arguments(record, i, options.record);
    const Var<T> dy = call_jvp<T>(*op, x, options.record ? var_at(record, i) : record->nodes[i].value, dx);
    if (dy.defined()) accumulate(tangent[i], dy);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].on_tape()) out[i] = tangent[outputs[i].position()];
  return out;
}

template <class T>
std::uint64_t level_of(const Var<T>& x) {
  return x.dual() ? x.dual()->level : 0;
}

template <class T>
std::uint64_t highest_level(Vars<T> x) {
  std::uint64_t level = 0;
  for (const Var<T>& v : x) level = std::max(level, level_of(v));
  return level;
}

// Primals and tangents at a level of streaming forward mode; a tangent is undefined where there is none.
template <class T>
struct Split {
  std::vector<Var<T>> primal, tangent;
};
template <class T>
Split<T> split_at(std::uint64_t level, Vars<T> x) {
  Split<T> out;
  for (const Var<T>& v : x) {
    const bool here = level_of(v) == level;
    out.primal.push_back(here ? v.dual()->primal : v);
    out.tangent.push_back(here ? v.dual()->tangent : Var<T>());
  }
  return out;
}

// Vars that carry both parts again; `extra` adds to the tangents.
template <class T>
std::vector<Var<T>> join_at(std::uint64_t level, std::vector<Var<T>> primal, const std::vector<Var<T>>& tangent,
                            const std::vector<Var<T>>& extra) {
  for (std::size_t i = 0; i < primal.size(); ++i) {
    Var<T> sum = tangent[i];
    if (extra[i].defined()) accumulate(sum, extra[i]);
    if (!sum.defined()) continue;
    if (!primal[i].defined()) primal[i] = Var<T>(Array<T>::zeros(sum.shape()));
    primal[i] = Var<T>(std::make_shared<const Dual<T>>(Dual<T>{level, primal[i], sum}));
  }
  return primal;
}

template <class T>
std::vector<Var<T>> without_tangents(Vars<T> x) {
  std::vector<Var<T>> out(x.begin(), x.end());
  for (Var<T>& v : out)
    while (v.dual()) v = Var<T>(v.dual()->primal);
  return out;
}

}  // namespace

// Under streaming forward mode a sweep is linear: J^T (b + e b') for y = p + e t is J_p^T b + e (J_t^T b + J_p^T b').
template <class T>
std::vector<Var<T>> pullback(const Var<T>& y, const Var<T>& ybar, VarListOf<T> inputs, SweepOptions options) {
  const std::uint64_t level = std::max(level_of(y), level_of(ybar));
  const std::vector<Var<T>> x = without_tangents(inputs);
  if (level == 0) return reverse_sweep<T>(y, ybar, x, options);
  const std::vector<Var<T>> none(inputs.size());
  const Var<T> both[] = {y, ybar};
  const Split<T> s = split_at<T>(level, both);
  const auto sweep = [&](const Var<T>& value, const Var<T>& seed) {
    return value.defined() && seed.defined() ? pullback<T>(value, seed, x, options) : none;
  };
  return join_at(level, sweep(s.primal[0], s.primal[1]), sweep(s.tangent[0], s.primal[1]),
                 sweep(s.primal[0], s.tangent[1]));
}

template <class T>
std::vector<Var<T>> pushforward(VarListOf<T> outputs, VarListOf<T> inputs, VarListOf<T> tangents,
                                SweepOptions options) {
  const std::uint64_t level = std::max(highest_level(outputs), highest_level(tangents));
  const std::vector<Var<T>> x = without_tangents(inputs);
  if (level == 0) return forward_sweep<T>(outputs, x, tangents, options);
  const Split<T> y = split_at(level, outputs), dx = split_at(level, tangents);
  return join_at(level, pushforward<T>(y.primal, x, dx.primal, options),
                 pushforward<T>(y.tangent, x, dx.primal, options), pushforward<T>(y.primal, x, dx.tangent, options));
}

template <class T>
ValueAndTangent<Var<T>> push_streaming(const std::function<Var<T>(Vars<T>)>& f, VarListOf<T> x, VarListOf<T> dx) {
  if (x.size() != dx.size())
    throw shape_error("[jvp] " + std::to_string(x.size()) + " arguments, " + std::to_string(dx.size()) + " tangents.");
  static std::atomic<std::uint64_t> levels{0};  // only tells nested calls apart
  const std::uint64_t level = ++levels;
  std::vector<Var<T>> duals;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (dx[i].defined() && !(dx[i].shape() == x[i].shape()))
      throw shape_error("[jvp] tangent of shape " + to_string(dx[i].shape()) + " for an argument of shape " +
                        to_string(x[i].shape()) + ".");
    duals.push_back(dx[i].defined() ? Var<T>(std::make_shared<const Dual<T>>(Dual<T>{level, x[i], dx[i]})) : x[i]);
  }
  const Var<T> y = f(duals);
  if (y.dual() && y.dual()->level == level) return {y.dual()->primal, y.dual()->tangent};
  return {y, zeros_like(y)};
}

#define XTANGENT_INSTANTIATE(T)                                                                  \
  template void accumulate(Var<T>&, const Var<T>&);                                              \
  template std::vector<Var<T>> pullback(const Var<T>&, const Var<T>&, VarList<T>, SweepOptions); \
  template std::vector<Var<T>> pushforward(VarList<T>, VarList<T>, VarList<T>, SweepOptions);    \
  template ValueAndTangent<Var<T>> push_streaming(const std::function<Var<T>(Vars<T>)>&, VarList<T>, VarList<T>);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
