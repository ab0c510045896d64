#include "nn/exported/table.hpp"

#include <unordered_set>

#include "nn/exported/aliases.hpp"

namespace xtangent::nn::exported {

const Table& table() {
  static const Table all = [] {
    Table t;
    for (const auto add_family :
         {add_elementwise_ops, add_comparisons, add_shape_ops, add_selections, add_reductions, add_constants,
          add_layers, add_convolutions, add_attention, add_recurrent_layers, add_scalar_ops})
      add_family(t);
    return t;
  }();
  return all;
}

const Row* find_row(const std::string& op) {
  // Ops that give the array that they change another shape: views of it would have to follow.
  static const std::unordered_set<std::string> reshapers = {"unsqueeze_", "squeeze_",  "t_",     "transpose_",
                                                            "swapaxes_",  "swapdims_", "resize_"};
  std::string name = op.starts_with("aten.") ? base_name(op) : op;
  if (changes_in_place(op) && !reshapers.contains(name)) name.pop_back();
  const auto found = table().find(name);
  return found == table().end() ? nullptr : &found->second;
}

}  // namespace xtangent::nn::exported
