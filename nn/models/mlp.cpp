#include "nn/models/mlp.hpp"

namespace xtangent::nn {

Sequential mlp(const std::vector<std::size_t>& sizes, AnyModule activation, WeightOptions options) {
  if (sizes.size() < 2)
    throw shape_error("[mlp] " + std::to_string(sizes.size()) + " sizes. Give at least the sizes of input and output.");
  std::vector<AnyModule> layers;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    if (i) layers.push_back(activation);
    layers.emplace_back(Linear(sizes[i], sizes[i + 1], options));
  }
  return Sequential(std::move(layers));
}

}  // namespace xtangent::nn
