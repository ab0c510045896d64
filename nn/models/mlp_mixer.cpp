#include "nn/models/mlp_mixer.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/width.hpp"

namespace xtangent::nn {
namespace {

Sequential two_layers(std::size_t features, std::size_t hidden, const WeightOptions& weights) {
  return sequential(
      Named{{"fc1", Linear{features, hidden, weights}}, {"act", Gelu{}}, {"fc2", Linear{hidden, features, weights}}});
}

}  // namespace

MixerBlock::MixerBlock(std::size_t tokens, const MixerOptions& o)
    : norm1_(LayerNorm{o.features, {.epsilon = 1e-6}}),
      mlp_tokens_(two_layers(tokens, o.tokens_hidden, o.weights)),
      norm2_(LayerNorm{o.features, {.epsilon = 1e-6}}),
      mlp_channels_(two_layers(o.features, o.channels_hidden, o.weights)) {}

void MixerBlock::children(Declaration& visit) const {
  visit("norm1", *norm1_);
  visit("mlp_tokens", *mlp_tokens_);
  visit("norm2", *norm2_);
  visit("mlp_channels", *mlp_channels_);
}

template <class T>
Var<T> MixerBlock::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> across = transpose_last((*norm1_)(p["norm1"], x));  // (N, C, tokens)
  const Var<T> y = x + transpose_last((*mlp_tokens_)(p["mlp_tokens"], across));
  return y + (*mlp_channels_)(p["mlp_channels"], (*norm2_)(p["norm2"], y));
}

template Var<float> MixerBlock::forward(Scope<float>, const Var<float>&) const;
template Var<double> MixerBlock::forward(Scope<double>, const Var<double>&) const;

Sequential mlp_mixer(MixerOptions o) {
  if (o.patch == 0 || o.image == 0 || o.image % o.patch != 0)
    throw shape_error("[mlp_mixer] patches of " + std::to_string(o.patch) + " pixels do not divide images of " +
                      std::to_string(o.image) + ".");
  for (std::size_t* width : {&o.features, &o.tokens_hidden, &o.channels_hidden})
    *width = scaled_width("mlp_mixer", *width, o.width);
  const std::size_t tokens = (o.image / o.patch) * (o.image / o.patch);
  std::vector<AnyModule> blocks;
  for (std::size_t i = 0; i < o.layers; ++i) blocks.emplace_back(MixerBlock{tokens, o});
  const Conv2d patches{o.channels, o.features, o.patch, {.stride = o.patch}, o.weights};
  return sequential(Named{{"stem", sequential(Named{{"proj", patches}, {"tokens", Tokens{}}})},
                          {"blocks", sequential(std::move(blocks))},
                          {"norm", LayerNorm{o.features, {.epsilon = 1e-6}}},
                          {"pool", MeanOfTokens{}},
                          {"head", Linear{o.features, o.classes, o.weights}}});
}

}  // namespace xtangent::nn
