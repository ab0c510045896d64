#include "autodiff/origin.hpp"

#include <algorithm>

namespace xtangent {
namespace {

template <class T>
bool is_mixed(const Var<T>& x) {
  return x.examples() == Examples::mixed;
}

// Does an argument have a row for each example, but no mark?
template <class T>
bool lacks_mark(const Node<T>& node, const typename Node<T>::Argument& argument) {
  const Var<T>& x = argument.value;
  if (x.examples() != Examples::none || x.rank() == 0) return false;
  return std::any_of(node.arguments.begin(), node.arguments.end(), [&](const auto& other) {
    return other.value.examples() == Examples::axis0 && other.value.shape().front() == x.shape().front();
  });
}

}  // namespace

template <class T>
std::string mixing_message(const Record<T>& record, std::size_t node) {
  for (bool found = true; found;) {
    const auto& arguments = record.nodes[node].arguments;
    const auto before = std::find_if(arguments.begin(), arguments.end(), [&](const auto& a) {
      return a.index >= 0 && is_mixed(a.value) && !record.nodes[static_cast<std::size_t>(a.index)].moved;
    });
    found = before != arguments.end();
    if (found) node = static_cast<std::size_t>(before->index);
  }
  const Node<T>& culprit = record.nodes[node];
  bool unmarked_constant = false, unmarked_variable = false, mixed_before = false, moved_before = false;
  std::string arguments;
  for (const auto& argument : culprit.arguments) {
    const bool unmarked = lacks_mark(culprit, argument);
    if (!arguments.empty()) arguments += ", ";
    arguments += to_string(argument.value.shape());
    if (unmarked) arguments += argument.index < 0 ? " (a constant without the mark)" : " (without the mark)";
    const bool moved = argument.index >= 0 && record.nodes[static_cast<std::size_t>(argument.index)].moved;
    moved_before = moved_before || moved;
    if (moved)
      arguments += " (examples not on axis 0)";
    else if (is_mixed(argument.value))
      arguments += " (mixed before)";
    unmarked_constant = unmarked_constant || (unmarked && argument.index < 0);
    unmarked_variable = unmarked_variable || (unmarked && argument.index >= 0);
    mixed_before = mixed_before || (is_mixed(argument.value) && !moved);
  }
  std::string text = "[";
  text.append(culprit.name()).append(culprit.moved ? "] moves examples away from axis 0" : "] mixes examples");
  if (culprit.origin.place) text.append(" in ").append(*culprit.origin.place);
  text.append(": arguments ").append(arguments).append(", result ");
  text.append(to_string(culprit.value.shape())).append(". ");
  if (culprit.moved)
    return text + "The output must have its examples on axis 0: move them back, by transpose or reshape.";
  if (moved_before && !unmarked_constant && !unmarked_variable)
    return text +
           "It combines entries of the axis on which the examples stand, or is not one of the ops that follow them "
           "there. Move them back to axis 0 before it, by transpose or reshape.";
  if (mixed_before)
    return text +
           "An argument combines examples before it meets a parameter: a mean over axis 0, or a constant without the "
           "mark beside them, for which zeros_like(x) stands.";
  if (unmarked_constant)
    return text +
           "What has a row for each example needs their mark: make a constant by zeros_like(x), ones_like(x) or "
           "full_like(x, value), or mark it by batched(values).";
  if (unmarked_variable)
    return text +
           "What has a row for each example needs their mark, Examples::axis0; what all examples share must not have "
           "their axis.";
  return text +
         "Per-example derivatives need axis 0 to run over examples from input to output: use evaluation mode, reduce "
         "over other axes, or reshape behind axis 0.";
}

template std::string mixing_message(const Record<float>&, std::size_t);
template std::string mixing_message(const Record<double>&, std::size_t);

}  // namespace xtangent
