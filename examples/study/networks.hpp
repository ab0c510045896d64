#pragma once

#include <string>
#include <vector>

#include "nn/data/images.hpp"
#include "nn/module.hpp"

namespace xtangent::examples {

/// One kind of network of the study, of any width, as PyTorch and torchvision initialize it.
struct StudyNetwork {
  std::string name, title;
  nn::ImageLayout layout;
  /// Makes the network for these images, with `width` features before its last layer. Throws shape_error or
  /// option_error for a width that it cannot have.
  nn::AnyModule (*make)(const nn::LabeledImages& images, std::size_t width);
  std::vector<std::size_t> widths;          ///< usual widths
  std::size_t quick_widths;                 ///< how many of them the quick study has
  std::size_t predicted_widths;             ///< how many predictions have, whose kernels cost several times as much
  std::size_t quick_predicted_widths;       ///< and in the quick study
  std::size_t n;                            ///< usual number of images of a kernel
  std::vector<std::size_t> trained_widths;  ///< usual widths of trainings
  std::size_t quick_trained_widths;         ///< how many of them the quick study has
  std::size_t long_width;                   ///< of the network whose readouts are compared after long training
  bool residual;                            ///< with blocks and batch norm
  std::string layers;                       ///< for people
};

/// mlp, convnet, resnet18 and wide_resnet16.
const std::vector<StudyNetwork>& study_networks();
/// Throws option_error listing the names.
const StudyNetwork& study_network(const std::string& name);

}  // namespace xtangent::examples
