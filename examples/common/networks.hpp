#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/data/images.hpp"
#include "nn/module.hpp"

namespace xtangent::examples {

/// One kind of network, for images of any data set.
struct NetworkKind {
  std::string name;
  nn::ImageLayout layout;
  /// Makes the network for these images, with all widths multiplied by `width`. Throws option_error for images or
  /// widths that do not fit.
  nn::AnyModule (*make)(const nn::LabeledImages& images, double width);
  double gray_width = 1.0,
         color_width = 1.0;  ///< usual widths, for gray images as MNIST's and for color images as CIFAR's

  /// The width that was asked for, or else the usual one. Throws option_error unless it is positive.
  double width_for(const nn::LabeledImages& images, std::optional<double> given) const;
};

const std::vector<NetworkKind>& network_kinds();
/// Throws option_error listing the names.
const NetworkKind& network_kind(const std::string& name);

}  // namespace xtangent::examples
