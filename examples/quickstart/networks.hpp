#pragma once

#include <string>
#include <vector>

#include "nn/data/images.hpp"
#include "nn/module.hpp"

namespace xtangent::examples {

/// One kind of network, of any width.
struct Kind {
  std::string name;
  nn::ImageLayout layout;
  /// Makes the network for these images, with `width` features before the last layer.
  nn::AnyModule (*make)(const nn::LabeledImages& images, std::size_t width);
  /// Its layers, for people.
  std::string (*layers)(const nn::LabeledImages& images);
  /// About how many multiply-adds one image takes: what the progress bar weighs by.
  double (*work)(const nn::LabeledImages& images, std::size_t width);
};

/// The fully connected and the convolutional kind, with relu and He's initialization, and PyTorch's for the last layer.
const std::vector<Kind>& network_kinds();

}  // namespace xtangent::examples
