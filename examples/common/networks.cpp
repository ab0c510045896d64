#include "examples/common/networks.hpp"

#include <algorithm>
#include <cmath>

#include "nn/models/convnet.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/models/mlp_mixer.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"
#include "nn/models/wide_resnet.hpp"

namespace xtangent::examples {
namespace {

// A number of features times the width, rounded to a multiple of `multiple`.
std::size_t scaled(double features, double width, std::size_t multiple = 1) {
  const double parts = std::round(features * width / static_cast<double>(multiple));
  if (!(parts >= 1.0) || parts > 1e6)
    throw option_error("[network] --width " + std::to_string(width) + " does not fit.");
  return static_cast<std::size_t>(parts) * multiple;
}

nn::AnyModule mlp(const nn::LabeledImages& images, double width) {
  return nn::mlp({images.image_size(), scaled(512, width), scaled(512, width), images.classes});
}

nn::AnyModule lenet(const nn::LabeledImages& images, double width) {
  if (images.channels != 1 || images.height != 28 || images.width != 28)
    throw option_error("[network] lenet takes images of 1 x 28 x 28 numbers, these have " +
                       std::to_string(images.channels) + " x " + std::to_string(images.height) + " x " +
                       std::to_string(images.width) + ". Choose convnet or resnet18.");
  return nn::lenet(images.classes, {}, width);
}

nn::AnyModule convnet(const nn::LabeledImages& images, double width) {
  return nn::convnet(scaled(256, width, 8), images.channels, images.classes);
}

nn::AnyModule resnet18(const nn::LabeledImages& images, double width) {
  return nn::resnet18(
      {.classes = images.classes, .stem = nn::Stem::cifar, .width = width, .channels = images.channels});
}

nn::AnyModule wide_resnet16(const nn::LabeledImages& images, double width) {
  return nn::wide_resnet(16, 4, {.classes = images.classes, .width = width, .channels = images.channels});
}

nn::AnyModule vit(const nn::LabeledImages& images, double width) {
  return nn::vit({.image = images.height,
                  .patch = 4,
                  .channels = images.channels,
                  .layers = 6,
                  .heads = 4,
                  .features = 128,
                  .hidden = 256,
                  .classes = images.classes,
                  .width = width,
                  .dropout = 0.1});
}

nn::AnyModule mixer(const nn::LabeledImages& images, double width) {
  return nn::mlp_mixer({.image = images.height,
                        .patch = 4,
                        .channels = images.channels,
                        .layers = 6,
                        .features = 128,
                        .tokens_hidden = 64,
                        .channels_hidden = 256,
                        .classes = images.classes,
                        .width = width});
}

}  // namespace

double NetworkKind::width_for(const nn::LabeledImages& images, std::optional<double> given) const {
  const double width = given.value_or(images.channels == 1 ? gray_width : color_width);
  if (!(width > 0.0)) throw option_error("[network] --width must be positive.");
  return width;
}

const std::vector<NetworkKind>& network_kinds() {
  constexpr auto planes = nn::ImageLayout::planes;
  static const std::vector<NetworkKind> kinds = {{"mlp", nn::ImageLayout::flat, mlp},
                                                 {"lenet", planes, lenet},
                                                 {"convnet", planes, convnet},
                                                 {"resnet18", planes, resnet18, 0.25, 0.25},
                                                 {"wide_resnet16", planes, wide_resnet16, 0.25, 0.5},
                                                 {"vit", planes, vit},
                                                 {"mixer", planes, mixer}};
  return kinds;
}

const NetworkKind& network_kind(const std::string& name) {
  std::string names;
  for (const NetworkKind& kind : network_kinds()) {
    if (kind.name == name) return kind;
    names += (names.empty() ? "" : ", ") + kind.name;
  }
  throw option_error("[network] no network '" + name + "'. There are " + names + ".");
}

}  // namespace xtangent::examples
