#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "autodiff/shape.hpp"

namespace xtangent::nn {

/// The layers of a network with their output shapes and costs for one example of a given shape. It is printed as a
/// table.
struct Summary {
  struct Layer {
    std::string path, type;      ///< "layer1.0.conv1", "Conv2d"; the path of the network itself is empty
    std::size_t depth = 0;       ///< 0: the network
    Shape output;                ///< for one example; if the layer runs several times, by the last run
    bool runs = false;           ///< false for a layer that was declared but did not run
    std::size_t parameters = 0;  ///< trained elements, with those of children, each counted once
    double flop = 0.0;           ///< forward, for one example, with those of children
  };
  std::vector<Layer> layers;  ///< in the order of the layout: parents before children
  Shape input;
  std::size_t parameters = 0, buffers = 0;  ///< elements
  double flop = 0.0;
};

std::ostream& operator<<(std::ostream& out, const Summary& summary);

}  // namespace xtangent::nn
