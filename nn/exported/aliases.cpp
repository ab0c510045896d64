#include "nn/exported/aliases.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "autodiff/error.hpp"

namespace xtangent::nn::exported {
namespace {

// Ops whose results are always views of their first argument, and those whose results are views or copies.
const std::unordered_set<std::string> views = {"slice",
                                               "select",
                                               "narrow",
                                               "view",
                                               "view_as",
                                               "unflatten",
                                               "unsqueeze",
                                               "squeeze",
                                               "transpose",
                                               "swapaxes",
                                               "swapdims",
                                               "permute",
                                               "movedim",
                                               "t",
                                               "mT",
                                               "numpy_T",
                                               "expand",
                                               "alias",
                                               "expand_as",
                                               "detach",
                                               "split",
                                               "split_with_sizes",
                                               "chunk",
                                               "unbind",
                                               "dropout",
                                               "broadcast_to",
                                               "alpha_dropout",
                                               "positive",
                                               "conj",
                                               "resolve_conj",
                                               "lift_fresh",
                                               "feature_dropout",
                                               "feature_alpha_dropout"};
const std::unordered_set<std::string> sometimes_views = {"reshape",    "reshape_as", "flatten",
                                                         "contiguous", "to",         "type_as"};

// The value of the first argument, which views look at and ops in place change.
std::optional<std::size_t> first_value(const Node& node) {
  if (node.arguments.empty()) return std::nullopt;
  const auto* reference = std::get_if<Reference>(&node.arguments.front().what);
  return reference ? std::optional(reference->value) : std::nullopt;
}

class Aliases {
 public:
  Aliases(Graph& graph, bool inner) : graph_(graph), inner_(inner), count_(graph.names.size()) {
    root_.resize(count_);
    std::iota(root_.begin(), root_.end(), std::size_t(0));
    wide_ = root_;
    made_.resize(count_);
    last_.assign(count_, 0);
  }

  void find() {
    find_groups();
    std::vector<bool> changed(count_, false);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (graph_.nodes[i].changes) {
        const std::size_t value = *first_value(graph_.nodes[i]);
        check(i, value);
        changed[root_[value]] = true;
      }
    std::vector<std::size_t> members(count_, 0);
    for (std::size_t value = 0; value < count_; ++value) ++members[root_[value]];
    graph_.views.resize(count_);
    graph_.shared.assign(count_, false);
    for (std::size_t value = 0; value < count_; ++value)
      if (changed[root_[value]] && members[root_[value]] > 1) {
        graph_.shared[value] = true;
        if (root_[value] != value) graph_.views[value] = made_[value];
      }
    find_last_uses();
  }

 private:
  void find_groups() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      for (const Argument& argument : node.arguments)
        each_reference(argument.what, [&](std::size_t v) { last_[v] = i; });
      const auto base = first_value(node);
      const std::string name = base_name(node.op);
      const bool certain = views.contains(name);
      for (const Argument& result : node.results)
        each_reference(result.what, [&](std::size_t value) {
          if (node.changes) return;
          made_[value] = i;
          if (base && certain) root_[value] = root_[*base];
          if (base && (certain || sometimes_views.contains(name))) wide_[value] = wide_[*base];
        });
    }
    for (const Argument& output : graph_.outputs)
      each_reference(output.what, [&](std::size_t v) { last_[v] = graph_.nodes.size(); });
  }

  // Refuses a change by node i of a value whose reach is not known.
  void check(std::size_t i, std::size_t value) const {
    const std::string what = graph_.nodes[i].op + " changes '" + graph_.names[value] + "' in place, ";
    for (const Argument& input : graph_.inputs)
      each_reference(input.what, [&](std::size_t v) {
        if (inner_ && root_[v] == root_[value])
          throw data_error(
              what + "an array from outside of a block such as torch.no_grad. Use the op that returns a new array");
      });
    for (std::size_t other = 0; other < count_; ++other) {
      const bool before = made_[other] && *made_[other] < i;
      if (wide_[other] == wide_[value] && root_[other] != root_[value] && last_[other] > i && (before || !made_[other]))
        throw data_error(what + "and whether that changes '" + graph_.names[other] +
                         "' depends on how its elements lie. Use the op that returns a new array");
    }
  }

  void find_last_uses() {
    std::vector<bool> needed(count_, false);
    const auto need = [&](std::size_t v) { needed[v] = true; };
    for (const Argument& output : graph_.outputs) each_reference(output.what, need);
    for (std::size_t value = 0; value < count_; ++value)
      if (graph_.shared[value]) {  // a change may reach it, and calls again what made it
        needed[value] = true;
        if (graph_.views[value])
          for (const Argument& argument : graph_.nodes[*graph_.views[value]].arguments)
            each_reference(argument.what, need);
      }
    for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
      Node& node = graph_.nodes[i];
      const auto use = [&](std::size_t value) {
        if (needed[value]) return;
        needed[value] = true;
        node.last_used.push_back(value);
      };
      for (const Argument& argument : node.arguments) each_reference(argument.what, use);
      for (const Argument& result : node.results) each_reference(result.what, use);
    }
  }

  Graph& graph_;
  bool inner_;
  std::size_t count_;
  std::vector<std::size_t> root_, wide_;          // groups of values that certainly, or perhaps, share elements
  std::vector<std::optional<std::size_t>> made_;  // the node that makes each value
  std::vector<std::size_t> last_;                 // the last node that uses each value
};

}  // namespace

void find_aliases(Graph& graph, bool inner) { Aliases(graph, inner).find(); }

std::string base_name(const std::string& op) {
  const std::size_t begin = op.find('.') + 1;
  return op.substr(begin, op.find('.', begin) - begin);
}

bool changes_in_place(const std::string& op) {
  const std::string name = base_name(op);
  return op.starts_with("aten.") && name.ends_with('_') && !name.ends_with("__");
}

void each_reference(const Argument::What& what, const std::function<void(std::size_t)>& use) {
  if (const auto* one = std::get_if<Reference>(&what)) use(one->value);
  if (const auto* many = std::get_if<List>(&what))
    for (const Argument& item : *many) each_reference(item.what, use);
}

}  // namespace xtangent::nn::exported
