#pragma once

#include "examples/attribute/settings.hpp"
#include "examples/common/images.hpp"
#include "nn/module.hpp"
#include "ntk/per_example.hpp"

namespace xtangent::examples {

/// The images and the network of a run.
struct Task {
  std::string title;                     ///< the data set's
  std::string network;                   ///< "mlp"
  double width = 0;                      ///< the network's
  nn::AnyModule net;                     ///< takes x
  nn::LabeledImages train, test;         ///< those that are used
  Array<float> x, x_test;                ///< the same as numbers, (N, ...) and (M, ...)
  ntk::Labels y, y_test;                 ///< their labels
  std::vector<std::string> class_names;  ///< "3", "ship"
};

/// Takes all training images in their order where there are no more than settings.n, or else that many of them with all
/// classes equally often; and the first test images. Throws option_error (fewer than 20 training images, a network that
/// does not fit) and what reading data throws.
Task make_task(const AttributeSettings& settings, const ImageSet& set, const nn::TrainAndTest& images);

}  // namespace xtangent::examples
