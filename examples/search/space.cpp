#include "examples/search/space.hpp"

#include "nn/layers/activation.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/sequential.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t groups = 4;  // of group norm

nn::AnyModule activation_of(const std::string& name) {
  if (name == "tanh") return nn::Tanh{};
  if (name == "gelu") return nn::Gelu{};
  return nn::Relu{};
}

nn::AnyModule fully_connected(const Architecture& a, const nn::LabeledImages& images) {
  std::vector<nn::AnyModule> layers = {nn::Flatten{}};
  std::size_t features = images.image_size();
  for (std::size_t i = 0; i < a.depth; ++i) {
    layers.emplace_back(nn::Linear(features, a.width));
    layers.push_back(activation_of(a.activation));
    features = a.width;
  }
  layers.emplace_back(nn::Linear(features, images.classes));
  return nn::sequential(std::move(layers));
}

nn::AnyModule convolutional(const Architecture& a, const nn::LabeledImages& images) {
  std::vector<nn::AnyModule> layers;
  std::size_t channels = images.channels, height = images.height, width = images.width;
  for (std::size_t i = 0; i < a.depth; ++i) {
    const std::size_t stride = i == 0 && height > 16 ? 2 : 1;
    layers.emplace_back(nn::Conv2d(channels, a.width, a.kernel, {.stride = stride, .padding = a.kernel / 2}));
    height = (height + stride - 1) / stride;
    width = (width + stride - 1) / stride;
    if (a.norm == "group") layers.emplace_back(nn::GroupNorm(groups, a.width));
    layers.push_back(activation_of(a.activation));
    if (a.pooling == "max" && i < 2) {
      layers.emplace_back(nn::MaxPool2d(2));
      height /= 2;
      width /= 2;
    }
    channels = a.width;
  }
  if (a.pooling == "mean") {
    layers.emplace_back(nn::GlobalAvgPool2d{});
    height = width = 1;
  } else {
    layers.emplace_back(nn::Flatten{});
  }
  layers.emplace_back(nn::Linear(channels * height * width, images.classes));
  return nn::sequential(std::move(layers));
}

}  // namespace

std::string name_of(Family family) { return family == Family::fully_connected ? "fully connected" : "convolutional"; }

std::string Architecture::name() const {
  const std::string size = std::to_string(depth) + "x" + std::to_string(width) + "-";
  if (family == Family::fully_connected) return "fc-" + size + activation;
  return "conv-" + size + "k" + std::to_string(kernel) + "-" + pooling + "-" + norm;
}

std::vector<Architecture> search_space() {
  std::vector<Architecture> out;
  for (const std::size_t depth : {1, 2, 4, 8})
    for (const std::size_t width : {32, 256})
      for (const char* activation : {"relu", "tanh", "gelu"})
        out.push_back({.depth = depth, .width = width, .activation = activation});
  for (const std::size_t depth : {1, 2, 4})
    for (const std::size_t width : {8, 24})
      for (const std::size_t kernel : {3, 5})
        for (const char* pooling : {"max", "mean"})
          for (const char* norm : {"none", "group"})
            out.push_back({Family::convolutional, depth, width, "relu", kernel, pooling, norm});
  return out;
}

nn::AnyModule make_network(const Architecture& architecture, const nn::LabeledImages& images) {
  return architecture.family == Family::fully_connected ? fully_connected(architecture, images)
                                                        : convolutional(architecture, images);
}

}  // namespace xtangent::examples
