#include "examples/quickstart/networks.hpp"

#include <algorithm>

#include "nn/layers/conv2d.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/sequential.hpp"

namespace xtangent::examples {
namespace {

nn::WeightOptions he() {
  nn::WeightOptions options;
  options.initialization = nn::Initialization::kaiming_normal;
  return options;
}

// PyTorch's default for the last layer: outputs of a fresh network stay small beside one-hot targets.
nn::Linear head(const nn::LabeledImages& images, std::size_t width) { return nn::Linear{width, images.classes}; }

nn::AnyModule fully_connected(const nn::LabeledImages& images, std::size_t width) {
  return nn::sequential(nn::Linear{images.image_size(), width, he()}, nn::Relu{}, nn::Linear{width, width, he()},
                        nn::Relu{}, head(images, width));
}

std::string fully_connected_layers(const nn::LabeledImages& images) {
  return std::to_string(images.image_size()) + " → width, relu, width → width, relu, width → " +
         std::to_string(images.classes);
}

double fully_connected_work(const nn::LabeledImages& images, std::size_t width) {
  return static_cast<double>((images.image_size() + width + images.classes) * width);
}

// Larger images are halved until they are at most 14 pixels wide, by convolutions to few channels.
std::size_t few(std::size_t width) { return std::max<std::size_t>(1, width / 16); }

// Two 3x3 convolutions to width / 4 channels, the second with stride 2, and means over a grid of 2 x 2.
nn::AnyModule convolutional(const nn::LabeledImages& images, std::size_t width) {
  std::size_t channels = images.channels;
  std::vector<nn::AnyModule> layers;
  const auto convolution = [&](std::size_t out, std::size_t stride, std::size_t padding) {
    layers.push_back(nn::Conv2d{channels, out, 3, {.stride = {stride, stride}, .padding = {padding, padding}}, he()});
    layers.push_back(nn::Relu{});
    channels = out;
  };
  for (std::size_t side = std::min(images.height, images.width); side > 14; side = (side + 1) / 2)
    convolution(few(width), 2, 1);
  convolution(width / 4, 1, 0);
  convolution(width / 4, 2, 0);
  layers.push_back(nn::AdaptiveAvgPool2d{2});
  layers.push_back(nn::Flatten{});
  layers.push_back(head(images, width));
  return nn::sequential(std::move(layers));
}

std::string convolutional_layers(const nn::LabeledImages& images) {
  std::string out;
  for (std::size_t side = std::min(images.height, images.width); side > 14; side = (side + 1) / 2)
    out += "convolution 3 × 3 of stride 2, to width/16 channels, relu, ";
  return out +
         "convolution 3 × 3, to width/4 channels, relu, convolution 3 × 3 of stride 2, width/4 → width/4, relu, "
         "means over a grid of 2 × 2, width → " +
         std::to_string(images.classes);
}

double convolutional_work(const nn::LabeledImages& images, std::size_t width) {
  std::size_t side = std::min(images.height, images.width), channels = images.channels, work = 0;
  for (; side > 14; side = (side + 1) / 2, channels = few(width)) work += side * side / 4 * 9 * channels * few(width);
  const std::size_t first = side - 2, second = (first - 1) / 2;
  work += first * first * 9 * channels * width / 4 + second * second * 9 * width / 4 * width / 4;
  return static_cast<double>(work);
}

}  // namespace

const std::vector<Kind>& network_kinds() {
  static const std::vector<Kind> kinds = {
      {"fully connected", nn::ImageLayout::flat, fully_connected, fully_connected_layers, fully_connected_work},
      {"convolutional", nn::ImageLayout::planes, convolutional, convolutional_layers, convolutional_work}};
  return kinds;
}

}  // namespace xtangent::examples
