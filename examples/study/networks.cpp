#include "examples/study/networks.hpp"

#include "nn/models/convnet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/wide_resnet.hpp"

namespace xtangent::examples {
namespace {

nn::AnyModule mlp(const nn::LabeledImages& images, std::size_t width) {
  return nn::mlp({images.image_size(), width, width, images.classes});
}

nn::AnyModule convnet(const nn::LabeledImages& images, std::size_t width) {
  return nn::convnet(width, images.channels, images.classes);
}

// 512 features before the last layer are the usual network.
nn::AnyModule resnet18(const nn::LabeledImages& images, std::size_t width) {
  return nn::resnet18({.classes = images.classes,
                       .stem = nn::Stem::cifar,
                       .width = static_cast<double>(width) / 512,
                       .channels = images.channels});
}

// k = width / 64. Widths that are no multiple of 64 are fractions of k = 1.
nn::AnyModule wide_resnet16(const nn::LabeledImages& images, std::size_t width) {
  const bool whole = width % 64 == 0;
  return nn::wide_resnet(
      16, whole ? width / 64 : 1,
      {.classes = images.classes, .width = whole ? 1.0 : static_cast<double>(width) / 64, .channels = images.channels});
}

}  // namespace

const std::vector<StudyNetwork>& study_networks() {
  constexpr auto planes = nn::ImageLayout::planes;
  static const std::vector<StudyNetwork> networks = {
      {"mlp",
       "fully connected",
       nn::ImageLayout::flat,
       mlp,
       {64, 128, 256, 512, 1024, 2048, 4096},
       6,
       7,
       5,
       100,
       {64, 128, 256, 512, 1024, 2048},
       5,
       256,
       false,
       "pixels → width, relu, width → width, relu, width → classes"},
      {"convnet",
       "ConvNet",
       planes,
       convnet,
       {64, 128, 256, 512, 1024, 2048},
       6,
       6,
       4,
       100,
       {32, 64, 128, 256, 512, 1024},
       4,
       128,
       false,
       "convolution 3 × 3 to width/8 channels, relu, maximum over 2 × 2, convolution 3 × 3 to width/4 channels, relu, "
       "maximum over 2 × 2, means over a grid of 2 × 2, width → classes"},
      {"resnet18",
       "ResNet18",
       planes,
       resnet18,
       {32, 64, 128, 256, 512},
       4,
       4,
       3,
       30,
       {32, 64, 128, 256},
       3,
       64,
       true,
       "the CIFAR variant, all numbers of channels times width/512, batch norm in evaluation mode"},
      {"wide_resnet16",
       "WideResNet-16-k",
       planes,
       wide_resnet16,
       {32, 64, 128, 256, 512},
       4,
       4,
       3,
       30,
       {32, 64, 128, 256},
       3,
       64,
       true,
       "k = width/64, batch norm in evaluation mode"}};
  return networks;
}

const StudyNetwork& study_network(const std::string& name) {
  std::string names;
  for (const StudyNetwork& network : study_networks()) {
    if (network.name == name) return network;
    names += (names.empty() ? "" : ", ") + network.name;
  }
  throw option_error("[study] no network '" + name + "'. There are " + names + ".");
}

}  // namespace xtangent::examples
