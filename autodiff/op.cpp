// How an op runs, and how its rules are called.
#include "autodiff/op.hpp"

#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/rule_calls.hpp"

namespace xtangent {

template <class T>
std::shared_ptr<const Op<T>> reshape_op(const Shape& shape);  // ops/reshaping.cpp

template <class T>
std::optional<Factor<T>> Op<T>::factor(std::size_t, Vars<T>, const Var<T>&) const {
  return std::nullopt;
}

template <class T>
double Op<T>::flop(std::span<const Shape>, const Shape& y) const {
  return static_cast<double>(y.size());
}

namespace {

template <class T>
void check_rule(const Op<T>& op, const char* rule, const Var<T>& result, const Shape& expected) {
  if (result.defined() && !(result.shape() == expected))
    throw rule_error("[" + op.name() + "] its " + rule + " returned shape " + to_string(result.shape()) +
                     ", expected " + to_string(expected) + ".");
}

// Results of a rule for single probes as one array, in the order of the probes; undefined where all of them are.
template <class T>
Var<T> stack_probes(std::vector<Var<T>> each) {
  const auto first = std::find_if(each.begin(), each.end(), [](const Var<T>& v) { return v.defined(); });
  if (first == each.end()) return {};
  const Shape one = first->shape();
  for (Var<T>& v : each)
    v = v.defined() ? reshape(v, v.shape().prepended(1)) : Var<T>(Array<T>::zeros(one.prepended(1)));
  return concatenate<T>(each, 0);
}

template <class T>
Var<T> probe_of(const Var<T>& tangent, std::size_t k) {
  const Shape shape = tangent.shape();
  return reshape(slice(tangent, 0, k, k + 1), shape.slice(1, shape.rank()));
}

}  // namespace

template <class T>
std::vector<Var<T>> call_vjp(const Op<T>& op, Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) {
  const std::size_t k = probes(ybar, y.rank());
  const auto call = [&](const Var<T>& seed) {
    std::vector<Var<T>> bars = op.vjp(x, y, seed, wanted);
    if (bars.size() != x.size())
      throw rule_error("[" + op.name() + "] its vjp returned " + std::to_string(bars.size()) + " cotangents for " +
                       std::to_string(x.size()) + " arguments.");
    return bars;
  };
  std::vector<Var<T>> out;
  if (k == 0 || op.vector_mode()) {
    out = call(ybar);
  } else {
    std::vector<std::vector<Var<T>>> each(x.size());
    for (std::size_t p = 0; p < k; ++p) {
      std::vector<Var<T>> bars = call(probe_of(ybar, p));
      for (std::size_t i = 0; i < x.size(); ++i) each[i].push_back(std::move(bars[i]));
    }
    for (std::vector<Var<T>>& bars : each) out.push_back(stack_probes(std::move(bars)));
  }
  for (std::size_t i = 0; i < x.size(); ++i)
    check_rule(op, "vjp", out[i], with_probes_of(ybar, y.rank(), x[i].shape()));
  return out;
}

template <class T>
Var<T> call_jvp(const Op<T>& op, Vars<T> x, const Var<T>& y, Vars<T> dx) {
  std::size_t k = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (dx[i].defined()) k = std::max(k, probes(dx[i], x[i].rank()));
  Var<T> dy;
  if (k == 0 || op.vector_mode()) {
    dy = op.jvp(x, y, dx);
  } else {
    std::vector<Var<T>> each;
    for (std::size_t p = 0; p < k; ++p) {
      std::vector<Var<T>> one(dx.begin(), dx.end());
      for (Var<T>& v : one)
        if (v.defined()) v = probe_of(v, p);
      each.push_back(op.jvp(x, y, one));
    }
    dy = stack_probes(std::move(each));
  }
  check_rule(op, "jvp", dy, k ? y.shape().prepended(k) : y.shape());
  return dy;
}

namespace {

template <class T>
std::string describe(const Var<T>& x) {
  return x.on_tape() ? "position " + std::to_string(x.position()) : "a constant";
}

// The tape all arguments share; null when none is on a tape.
template <class T>
std::shared_ptr<Record<T>> common_record(const Op<T>& op, Vars<T> x) {
  const Var<T>* first = nullptr;
  for (const Var<T>& v : x) {
    if (!v.on_tape()) continue;
    if (!v.record()->holds(v))
      throw tape_error("[" + op.name() + "] argument at position " + std::to_string(v.position()) +
                       " of a tape that was rewound to size " + std::to_string(v.record()->nodes.size()) +
                       ". Record it again, or rewind later.");
    if (first && v.record() != first->record())
      throw tape_error("[" + op.name() + "] arguments stand on different tapes: " + describe(*first) + " of one and " +
                       describe(v) + " of another. Use one tape, or detached() for a constant.");
    if (!first) first = &v;
  }
  return first ? first->record() : nullptr;
}

template <class T>
Var<T> apply_dual(const std::shared_ptr<const Op<T>>& op, Vars<T> x, std::uint64_t level) {
  std::vector<Var<T>> primals, tangents;
  for (const Var<T>& v : x) {
    const bool at_level = v.dual() && v.dual()->level == level;
    primals.push_back(at_level ? v.dual()->primal : v);
    tangents.push_back(at_level ? v.dual()->tangent : Var<T>());
  }
  Var<T> y = apply<T>(op, primals);
  Var<T> dy = call_jvp<T>(*op, primals, y, tangents);
  if (!dy.defined()) return y;
  return Var<T>(std::make_shared<const Dual<T>>(Dual<T>{level, std::move(y), std::move(dy)}));
}

}  // namespace

namespace {

// Runs an op as it is.
template <class T>
Var<T> apply_here(std::shared_ptr<const Op<T>> op, Vars<T> x, bool moved) {
  const std::shared_ptr<Record<T>> record = common_record(*op, x);
  std::vector<Spec> specs;
  std::vector<Array<T>> values;
  specs.reserve(x.size());
  values.reserve(x.size());
  std::shared_ptr<const Unknown> unknown;
  for (const Var<T>& v : x) {
    specs.push_back(v.spec());
    values.push_back(v.array());
    if (v.array().unknown()) unknown = v.array().unknown();
  }
  const Spec spec = op->infer(specs);
  Array<T> y = !unknown         ? op->eval(values)
               : op->reshapes() ? values[0].reshaped(spec.shape)
                                : Array<T>::unknown(spec.shape, unknown);
  if (!(y.shape() == spec.shape))
    throw rule_error("[" + op->name() + "] infer said " + to_string(spec.shape) + ", eval made " +
                     to_string(y.shape()) + ".");
  if (!record) return Var<T>(std::move(y), spec.examples);

  Node<T> node;
  node.arguments.reserve(x.size());
  for (const Var<T>& v : x)
    node.arguments.push_back(
        {Var<T>(v.array(), v.examples()), v.on_tape() ? static_cast<std::int64_t>(v.position()) : -1, v.serial()});
  node.op = std::move(op);
  node.value = Var<T>(y, spec.examples);
  node.serial = record->next_serial++;
  node.origin = record->origin;
  node.moved = moved;
  const std::size_t index = record->nodes.size();
  const std::uint64_t serial = node.serial;
  record->nodes.push_back(std::move(node));
  return Var<T>(std::move(y), spec.examples, record, index, serial);
}

template <class T>
Var<T> shaped(const Var<T>& x, const Shape& shape) {
  return x.shape() == shape ? x : reshape(x, shape);
}

// Runs an op on arguments some of whose examples do not stand on axis 0, or that moves them away from it: on the same
// arguments with the examples in front. Sweeps that keep examples apart then meet ops on axis 0 alone. Nothing if the
// op cannot follow the examples.
template <class T>
std::optional<Var<T>> apply_in_front(const std::shared_ptr<const Op<T>>& op, Vars<T> x) {
  std::vector<Spec> specs;
  std::vector<Placed> placed;
  std::optional<std::size_t> n;
  std::size_t rank = 0;
  bool any_moved = false;
  for (const Var<T>& v : x) {
    any_moved = any_moved || v.moved();
    specs.push_back(v.spec());
    rank = std::max(rank, v.rank());
    if (v.examples() == Examples::none) {
      placed.push_back({v.shape(), {}});
      continue;
    }
    if (v.examples() == Examples::mixed && !v.moved()) return std::nullopt;
    const std::size_t count = v.moved() ? v.moved()->front.shape().front() : v.shape().front();
    placed.push_back({v.shape(), v.moved() ? v.moved()->place : Place{v.rank()}});
    if (n && *n != count) return std::nullopt;
    n = count;
  }
  const Spec result = op->infer(specs);
  rank = std::max(rank, result.shape.rank());
  if (!n || rank == Shape::max_rank) return std::nullopt;
  const bool alone = *n == 1;  // which of several axes of one entry is that of the examples cannot be told
  if (result.examples == Examples::axis0 && !(alone && any_moved)) return std::nullopt;
  if (alone)
    for (Placed& v : placed)
      if (v.examples.back > 0) v.examples = {rank + 1};
  std::optional<Place> place = alone && op->moves_examples() ? Place{rank + 1} : op->place(placed, *n);
  if (!place) return std::nullopt;
  if (alone) place = Place{result.shape.rank() + 1};
  std::vector<Var<T>> front;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (placed[i].examples.back == 0) {
      front.push_back(x[i]);
      continue;
    }
    const Var<T> first = x[i].moved() ? x[i].moved()->front : x[i];
    Shape shape = front_shape(x[i].shape(), placed[i].examples, *n);
    if (!op->moves_examples()) {  // axes that broadcast stand behind the examples
      Shape wide{*n};
      for (std::size_t axis = shape.rank(); axis <= rank; ++axis) wide.push_back(1);
      shape = wide.joined(shape.slice(1, shape.rank()));
    }
    front.push_back(shaped(first, shape));
  }
  const std::shared_ptr<const Op<T>> other = op->in_front(placed, *n);
  const Var<T> y = apply<T>(other ? other : op, front);
  if (*place == Place{result.shape.rank()}) return shaped(y, result.shape);
  const Var<T> first = shaped(y, front_shape(result.shape, *place, *n));
  if (alone) {
    const Var<T> one[] = {first};
    return apply_here<T>(reshape_op<T>(result.shape), one, true).with_moved({first, *place});
  }
  if (op->moves_examples()) return apply_here(op, x, true).with_moved({first, *place});
  const std::size_t axis = result.shape.rank() - place->back;
  const std::size_t before = result.shape.slice(0, axis).size() * place->before;
  if (before == 1) return reshape(y, result.shape).with_moved({first, *place});
  const std::size_t behind = result.shape.slice(axis + 1, result.shape.rank()).size() * place->behind;
  const Var<T> back = transpose(reshape(y, {*n, before, behind}), {1, 0, 2});
  return reshape(back, result.shape).with_moved({first, *place});
}

}  // namespace

template <class T>
Var<T> apply(std::shared_ptr<const Op<T>> op, VarListOf<T> x) {
  std::uint64_t level = 0;
  bool moved = false;
  for (const Var<T>& v : x) {
    if (!v.defined()) throw rule_error("[" + op->name() + "] an argument is undefined.");
    if (v.dual()) level = std::max(level, v.dual()->level);
    moved = moved || v.moved() || (op->moves_examples() && v.examples() == Examples::axis0);
  }
  if (level) return apply_dual(op, x, level);
  if (moved)
    if (std::optional<Var<T>> y = apply_in_front<T>(op, x)) return *y;
  return apply_here<T>(std::move(op), x, false);
}

Shape front_shape(Shape shape, const Place& place, std::size_t n) {
  if (place.back <= shape.rank()) shape[shape.rank() - place.back] = place.before * place.behind;
  return shape.prepended(n);
}

std::optional<Place> common_place(std::span<const Placed> x) {
  Place place;
  for (const Placed& v : x) {
    if (v.examples.back == 0) continue;
    if (place.back > 0 && !(place == v.examples)) return std::nullopt;
    place = v.examples;
  }
  for (const Placed& v : x)
    if (v.examples.back == 0 && v.shape.rank() >= place.back && v.shape.from_right(place.back) != 1)
      return std::nullopt;
  return place;
}

std::optional<Place> place_beside(const Placed& x, std::size_t back) {
  if (x.examples.back == back) return std::nullopt;
  return x.examples;
}

#define XTANGENT_INSTANTIATE(T)                                                                              \
  template struct Op<T>;                                                                                     \
  template std::vector<Var<T>> call_vjp(const Op<T>&, Vars<T>, const Var<T>&, const Var<T>&, const Wanted&); \
  template Var<T> call_jvp(const Op<T>&, Vars<T>, const Var<T>&, Vars<T>);                                   \
  template Var<T> apply(std::shared_ptr<const Op<T>>, VarList<T>);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
