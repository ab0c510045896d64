#include "nn/models/resnet.hpp"

#include <array>

#include "autodiff/ops/activation.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/width.hpp"

namespace xtangent::nn {
namespace {

enum class Block { basic, bottleneck };

Conv2d conv(std::size_t in, std::size_t out, std::size_t kernel, std::size_t stride, const WeightOptions& weights) {
  return Conv2d{in, out, kernel, {.stride = stride, .padding = kernel / 2}, without_bias(weights)};
}

ResidualBlock block(Block kind, std::size_t in, std::size_t width, std::size_t out, std::size_t stride,
                    const WeightOptions& w) {
  const Named basic = {{"conv1", conv(in, width, 3, stride, w)},
                       {"bn1", BatchNorm2d{width}},
                       {"relu", Relu{}},
                       {"conv2", conv(width, out, 3, 1, w)},
                       {"bn2", BatchNorm2d{out}}};
  const Named bottleneck = {{"conv1", conv(in, width, 1, 1, w)},         {"bn1", BatchNorm2d{width}}, {"relu1", Relu{}},
                            {"conv2", conv(width, width, 3, stride, w)}, {"bn2", BatchNorm2d{width}}, {"relu2", Relu{}},
                            {"conv3", conv(width, out, 1, 1, w)},        {"bn3", BatchNorm2d{out}}};
  const Named& body = kind == Block::basic ? basic : bottleneck;
  if (in == out && stride == 1) return ResidualBlock(body);
  return ResidualBlock(body, sequential(conv(in, out, 1, stride, w), BatchNorm2d{out}));
}

Sequential resnet(Block kind, std::array<std::size_t, 4> depths, const ResNetOptions& o) {
  const std::size_t stem = scaled_width("resnet", 64, o.width);
  const bool large = o.stem == Stem::imagenet;
  Named net = {{"conv1", conv(o.channels, stem, large ? 7 : 3, large ? 2 : 1, o.weights)},
               {"bn1", BatchNorm2d{stem}},
               {"relu", Relu{}}};
  if (large) net.emplace_back("maxpool", MaxPool2d{3, {.stride = 2, .padding = 1}});
  std::size_t in = stem;
  for (std::size_t stage = 0; stage < 4; ++stage) {
    const std::size_t width = scaled_width("resnet", 64 << stage, o.width);
    const std::size_t out = kind == Block::basic ? width : 4 * width;
    std::vector<AnyModule> blocks;
    for (std::size_t i = 0; i < depths[stage]; ++i, in = out)
      blocks.emplace_back(block(kind, in, width, out, i == 0 && stage > 0 ? 2 : 1, o.weights));
    net.emplace_back("layer" + std::to_string(stage + 1), sequential(std::move(blocks)));
  }
  net.emplace_back("avgpool", GlobalAvgPool2d{});
  net.emplace_back("fc", Linear{in, o.classes, with_default_initialization(o.weights)});
  return sequential(std::move(net));
}

}  // namespace

ResidualBlock::ResidualBlock(Named body) : body_(std::move(body)) {}
ResidualBlock::ResidualBlock(Named body, AnyModule downsample)
    : body_(std::move(body)), downsample_{std::move(downsample)} {
  if (!downsample_[0]) throw parameter_error("[ResidualBlock] the shortcut is a null pointer.");
}

void ResidualBlock::children(Declaration& visit) const {
  body_.children(visit);
  for (const AnyModule& module : downsample_) visit("downsample", *module);
}

template <class T>
Var<T> ResidualBlock::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> y = body_.forward(p, x);
  return relu(y + (downsample_.empty() ? x : (*downsample_[0])(p["downsample"], x)));
}

template Var<float> ResidualBlock::forward(Scope<float>, const Var<float>&) const;
template Var<double> ResidualBlock::forward(Scope<double>, const Var<double>&) const;

Sequential resnet18(ResNetOptions options) { return resnet(Block::basic, {2, 2, 2, 2}, options); }
Sequential resnet34(ResNetOptions options) { return resnet(Block::basic, {3, 4, 6, 3}, options); }
Sequential resnet50(ResNetOptions options) { return resnet(Block::bottleneck, {3, 4, 6, 3}, options); }
Sequential resnet101(ResNetOptions options) { return resnet(Block::bottleneck, {3, 4, 23, 3}, options); }
Sequential resnet152(ResNetOptions options) { return resnet(Block::bottleneck, {3, 8, 36, 3}, options); }

}  // namespace xtangent::nn
