#pragma once

#include <string>
#include <vector>

#include "nn/data/images.hpp"
#include "nn/module.hpp"

namespace xtangent::examples {

enum class Family { fully_connected, convolutional };
std::string name_of(Family family);

/// A network of the space. The last four concern convolutional networks alone.
struct Architecture {
  Family family = Family::fully_connected;
  std::size_t depth = 0;   ///< hidden layers, or convolutions
  std::size_t width = 0;   ///< features or channels of each
  std::string activation;  ///< relu, tanh or gelu
  std::size_t kernel = 0;
  std::string pooling = {};  ///< max: after each of the first two convolutions; mean: of all positions, at the end
  std::string norm = {};     ///< none, or group: group norm behind each convolution

  /// "fc-4x256-tanh", "conv-2x24-k3-max-group".
  std::string name() const;
};

/// All networks: 24 fully connected ones and 48 convolutional ones.
std::vector<Architecture> search_space();

/// The network for these images as planes. The first convolution has a stride of 2 where images are larger than 16
/// pixels.
nn::AnyModule make_network(const Architecture& architecture, const nn::LabeledImages& images);

}  // namespace xtangent::examples
