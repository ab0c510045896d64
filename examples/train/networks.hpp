#pragma once

#include <string>
#include <vector>

#include "examples/train/recipe.hpp"
#include "nn/data/images.hpp"
#include "nn/module.hpp"

namespace xtangent::examples {

/// One kind of network, for images of any data set.
struct NetworkKind {
  std::string name;
  nn::ImageLayout layout;
  /// For these images, all widths times `width`. Throws option_error for images or widths that do not fit.
  nn::AnyModule (*make)(const nn::LabeledImages& images, double width);
  Recipe gray, color;  ///< for MNIST's kind of images, and for CIFAR's
};

const std::vector<NetworkKind>& network_kinds();
/// Throws option_error listing the names.
const NetworkKind& network_kind(const std::string& name);

}  // namespace xtangent::examples
