#include "nn/models/wide_resnet.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/width.hpp"

namespace xtangent::nn {
namespace {

Conv2d conv3x3(std::size_t in, std::size_t out, std::size_t stride, const WeightOptions& weights) {
  return Conv2d{in, out, 3, {.stride = stride, .padding = 1}, without_bias(weights)};
}

}  // namespace

PreactivationBlock::PreactivationBlock(std::size_t in, std::size_t out, std::size_t stride,
                                       const WideResNetOptions& options)
    : before_(Named{{"bn1", BatchNorm2d{in}}, {"relu1", Relu{}}}),
      body_(Named{{"conv1", conv3x3(in, out, stride, options.weights)},
                  {"bn2", BatchNorm2d{out}},
                  {"relu2", Relu{}},
                  {"dropout", Dropout{options.dropout}},
                  {"conv2", conv3x3(out, out, 1, options.weights)}}) {
  if (in != out || stride != 1)
    shortcut_.emplace_back(Conv2d{in, out, 1, {.stride = stride}, without_bias(options.weights)});
}

void PreactivationBlock::children(Declaration& visit) const {
  before_.children(visit);
  body_.children(visit);
  for (const AnyModule& module : shortcut_) visit("convShortcut", *module);
}

template <class T>
Var<T> PreactivationBlock::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> active = before_.forward(p, x);
  const Var<T> y = body_.forward(p, active, before_.size());
  return y + (shortcut_.empty() ? x : (*shortcut_[0])(p["convShortcut"], active));
}

template Var<float> PreactivationBlock::forward(Scope<float>, const Var<float>&) const;
template Var<double> PreactivationBlock::forward(Scope<double>, const Var<double>&) const;

Sequential wide_resnet(std::size_t depth, std::size_t k, WideResNetOptions options) {
  if (depth < 10 || (depth - 4) % 6 != 0 || k == 0)
    throw option_error("[wide_resnet] depth " + std::to_string(depth) + ", k " + std::to_string(k) +
                       ". The depth must be 10, 16, 22, 28 and so on, and k at least 1.");
  std::size_t in = scaled_width("wide_resnet", 16, options.width);
  Named net = {{"conv1", conv3x3(options.channels, in, 1, options.weights)}};
  for (std::size_t stage = 0; stage < 3; ++stage) {
    const std::size_t out = scaled_width("wide_resnet", (16 << stage) * k, options.width);
    std::vector<AnyModule> blocks;
    for (std::size_t i = 0; i < (depth - 4) / 6; ++i, in = out)
      blocks.emplace_back(PreactivationBlock{in, out, i == 0 && stage > 0 ? std::size_t(2) : std::size_t(1), options});
    net.emplace_back("block" + std::to_string(stage + 1), sequential(Named{{"layer", sequential(std::move(blocks))}}));
  }
  net.emplace_back("bn1", BatchNorm2d{in});
  net.emplace_back("relu", Relu{});
  net.emplace_back("avgpool", GlobalAvgPool2d{});
  net.emplace_back("fc", Linear{in, options.classes, with_default_initialization(options.weights)});
  return sequential(std::move(net));
}

}  // namespace xtangent::nn
