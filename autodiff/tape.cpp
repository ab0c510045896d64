#include "autodiff/tape.hpp"

#include <unordered_set>

#include "autodiff/factor.hpp"

namespace xtangent {
namespace {

template <class T>
std::string describe(const Var<T>& x) {
  return x.on_tape() ? "position " + std::to_string(x.position()) : "a constant";
}

template <class T>
bool is_current(const Var<T>& x) {
  const auto& nodes = x.record()->nodes;
  return x.position() < nodes.size() && nodes[x.position()].serial == x.serial();
}

// The tape all arguments share; null when none is on a tape.
template <class T>
std::shared_ptr<Record<T>> common_record(const Op<T>& op, Vars<T> x) {
  const Var<T>* first = nullptr;
  for (const Var<T>& v : x) {
    if (!v.on_tape()) continue;
    if (!is_current(v))
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
  Var<T> dy = op->jvp(primals, y, tangents);
  if (!dy.defined()) return y;
  if (!(dy.shape() == y.shape()))
    throw rule_error("[" + op->name() + "] its jvp returned shape " + to_string(dy.shape()) + ", expected " +
                     to_string(y.shape()) + ".");
  return Var<T>(std::make_shared<const Dual<T>>(Dual<T>{level, std::move(y), std::move(dy)}));
}

}  // namespace

template <class T>
std::optional<Factor<T>> Op<T>::factor(std::size_t, Vars<T>, const Var<T>&) const {
  return std::nullopt;
}

template <class T>
double Op<T>::flop(std::span<const Shape>, const Shape& y) const {
  return static_cast<double>(y.size());
}

template <class T>
Var<T> apply(std::shared_ptr<const Op<T>> op, Vars<T> x) {
  std::uint64_t level = 0;
  for (const Var<T>& v : x) {
    if (!v.defined()) throw rule_error("[" + op->name() + "] an argument is undefined.");
    if (v.dual()) level = std::max(level, v.dual()->level);
  }
  if (level) return apply_dual(op, x, level);

  const std::shared_ptr<Record<T>> record = common_record(*op, x);
  std::vector<Spec> specs;
  std::vector<Array<T>> values;
  specs.reserve(x.size());
  values.reserve(x.size());
  for (const Var<T>& v : x) {
    specs.push_back(v.spec());
    values.push_back(v.value());
  }
  const Spec spec = op->infer(specs);
  Array<T> y = op->eval(values);
  if (!(y.shape() == spec.shape))
    throw rule_error("[" + op->name() + "] infer said " + to_string(spec.shape) + ", eval made " +
                     to_string(y.shape()) + ".");
  if (!record) return Var<T>(std::move(y), spec.examples);

  Node<T> node;
  node.arguments.reserve(x.size());
  for (const Var<T>& v : x)
    node.arguments.push_back({v.detached(), v.on_tape() ? static_cast<std::int64_t>(v.position()) : -1, v.serial()});
  node.op = std::move(op);
  node.value = Var<T>(y, spec.examples);
  node.serial = record->next_serial++;
  const std::size_t index = record->nodes.size();
  const std::uint64_t serial = node.serial;
  record->nodes.push_back(std::move(node));
  return Var<T>(std::move(y), spec.examples, record, index, serial);
}

template <class T>
Var<T> Tape<T>::variable(Array<T> value, Examples examples) {
  if (!value.defined()) throw tape_error("[variable] the value is undefined.");
  Node<T> node;
  node.value = Var<T>(value, examples);
  node.serial = record_->next_serial++;
  record_->nodes.push_back(node);
  return Var<T>(std::move(value), examples, record_, record_->nodes.size() - 1, node.serial);
}

template <class T>
void Tape<T>::rewind(std::size_t mark) {
  if (mark > size())
    throw tape_error("[rewind] mark " + std::to_string(mark) + " lies beyond the tape's " + std::to_string(size()) +
                     " nodes.");
  record_->nodes.resize(mark);
}

template <class T>
TapeStatistics Tape<T>::statistics() const {
  TapeStatistics out;
  std::unordered_set<const T*> seen;
  out.nodes = size();
  for (const Node<T>& node : record_->nodes) {
    if (!node.op) ++out.leaves;
    if (seen.insert(node.value.value().data()).second) out.bytes += node.value.value().bytes();
    for (const auto& argument : node.arguments)
      if (seen.insert(argument.value.value().data()).second) out.bytes += argument.value.value().bytes();
  }
  return out;
}

template <class T>
std::size_t checked_position(const Record<T>* record, const Var<T>& x, const char* who) {
  if (!x.on_tape() || x.record().get() != record)
    throw tape_error(std::string("[") + who + "] " + (x.on_tape() ? "a Var of another tape" : "a Var on no tape") +
                     " (shape " + to_string(x.shape()) + "). Make it with Tape::variable, or compute it from one.");
  if (!is_current(x))
    throw tape_error(std::string("[") + who + "] position " + std::to_string(x.position()) +
                     " was rewound; the tape has " + std::to_string(record->nodes.size()) + " nodes now.");
  return x.position();
}

template <class T>
Var<T> var_at(const std::shared_ptr<Record<T>>& record, std::size_t index) {
  if (index >= record->nodes.size()) throw tape_error("[var_at] position " + std::to_string(index) + " was rewound.");
  const Node<T>& node = record->nodes[index];
  return Var<T>(node.value.value(), node.value.examples(), record, index, node.serial);
}

template <class T>
std::vector<bool> depends_on(const Record<T>& record, std::span<const std::size_t> inputs, std::size_t last) {
  std::vector<bool> depends(last + 1, false);
  std::size_t first = last + 1;
  for (std::size_t i : inputs)
    if (i <= last) {
      depends[i] = true;
      first = std::min(first, i);
    }
  for (std::size_t i = first; i <= last; ++i)
    for (const auto& argument : record.nodes[i].arguments)
      if (argument.index >= static_cast<std::int64_t>(first) && depends[static_cast<std::size_t>(argument.index)])
        depends[i] = true;
  return depends;
}

#define XTANGENT_INSTANTIATE(T)                                                        \
  template struct Op<T>;                                                               \
  template class Tape<T>;                                                              \
  template Var<T> apply(std::shared_ptr<const Op<T>>, Vars<T>);                        \
  template std::size_t checked_position(const Record<T>*, const Var<T>&, const char*); \
  template Var<T> var_at(const std::shared_ptr<Record<T>>&, std::size_t);              \
  template std::vector<bool> depends_on(const Record<T>&, std::span<const std::size_t>, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
