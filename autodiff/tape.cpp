#include "autodiff/tape.hpp"

#include <unordered_set>

namespace xtangent {

template <Scalar T>
Var<T> Tape<T>::variable(Array<T> value, Examples examples) {
  if (!value.defined()) throw tape_error("[variable] the value is undefined.");
  Node<T> node;
  node.value = Var<T>(value, examples);
  node.serial = record_->next_serial++;
  record_->nodes.push_back(node);
  return Var<T>(std::move(value), examples, record_, record_->nodes.size() - 1, node.serial);
}

template <Scalar T>
void Tape<T>::rewind(std::size_t mark) {
  if (mark > size())
    throw tape_error("[rewind] mark " + std::to_string(mark) + " lies beyond the tape's " + std::to_string(size()) +
                     " nodes.");
  record_->nodes.resize(mark);
}

template <Scalar T>
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
  if (!record->holds(x))
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

template <class T>
std::vector<bool> reach(const Record<T>& record, std::size_t last) {
  std::vector<bool> reaches(last + 1, false);
  reaches[last] = true;
  for (std::size_t i = last + 1; i-- > 0;)
    if (reaches[i])
      for (const auto& argument : record.nodes[i].arguments)
        if (argument.index >= 0) reaches[static_cast<std::size_t>(argument.index)] = true;
  return reaches;
}

template <class T>
std::optional<std::size_t> first_mixing(const Record<T>& record, const std::vector<bool>& active, std::size_t last) {
  const std::vector<bool> reaches = reach(record, last);
  for (std::size_t i = 0; i <= last; ++i) {
    const Node<T>& node = record.nodes[i];
    const bool mixes = node.op && node.value.examples() == Examples::mixed && (!node.moved || i == last);
    if (reaches[i] && active[i] && mixes) return i;
  }
  return std::nullopt;
}

#define XTANGENT_INSTANTIATE(T)                                                                       \
  template class Tape<T>;                                                                             \
  template std::size_t checked_position(const Record<T>*, const Var<T>&, const char*);                \
  template Var<T> var_at(const std::shared_ptr<Record<T>>&, std::size_t);                             \
  template std::vector<bool> depends_on(const Record<T>&, std::span<const std::size_t>, std::size_t); \
  template std::vector<bool> reach(const Record<T>&, std::size_t);                                    \
  template std::optional<std::size_t> first_mixing(const Record<T>&, const std::vector<bool>&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
