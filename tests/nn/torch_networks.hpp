#pragma once

#include <string>
#include <vector>

#include "nn/nn.hpp"

/// The networks of tests/fixtures/table.py, row by row.
namespace xtangent::testing {

struct TorchRow {
  std::string name;
  nn::AnyModule net;
};

inline std::vector<TorchRow> torch_networks() {
  using namespace nn;
  std::vector<AnyModule> activations;
  for (const AnyModule& f : std::vector<AnyModule>{Relu{}, LeakyRelu{}, LeakyRelu{0.2}, Elu{}, Elu{0.7}, Gelu{}, Silu{},
                                                   Softplus{}, Sigmoid{}, Tanh{}, Erf{}, Sin{}, Identity{}}) {
    activations.emplace_back(Linear{4, 4});
    activations.push_back(f);
  }
  activations.emplace_back(Linear{4, 3});

  std::vector<AnyModule> more;
  for (const AnyModule& f : std::vector<AnyModule>{
           GeluTanh{}, Selu{}, Mish{}, Relu6{}, Hardsigmoid{}, Hardswish{}, Softsign{}, LogSigmoid{}, Celu{},
           Celu{0.75}, Hardtanh{}, Hardtanh{-0.5, 2.0}, Prelu{}, Prelu{4, 0.1}, Softmax{}, LogSoftmax{}}) {
    more.emplace_back(Linear{4, 4});
    more.push_back(f);
  }
  more.emplace_back(Linear{4, 3});

  std::vector<TorchRow> rows;
  const auto add = [&](std::string name, AnyModule net) { rows.push_back({std::move(name), std::move(net)}); };
  add("linear", Linear{5, 3});
  add("linear_without_bias", Linear{5, 3, {.bias = false}});
  add("mlp", mlp({6, 16, 12, 4}));
  add("mlp_gelu", mlp({6, 9, 3}, Gelu{}));
  add("activations", sequential(activations));
  add("convolution", sequential(Conv2d{2, 5, 3, {.stride = {2, 2}, .padding = {1, 1}}}, Tanh{},
                                Conv2d{5, 4, {2, 3}, {.stride = {1, 2}, .padding = {1, 0}}, {.bias = false}}, Flatten{},
                                Linear{40, 3}));
  add("convolution_groups", sequential(Conv2d{4, 6, 3, {.padding = {2, 2}, .dilation = {2, 2}, .groups = 2}}, Silu{},
                                       Conv2d{6, 6, {3, 2}, {.dilation = {1, 2}, .groups = 6}}, Tanh{}, Conv2d{6, 2, 1},
                                       Flatten{}, Linear{24, 3}));
  add("max_pooling", sequential(Conv2d{1, 3, 3, {.padding = {1, 1}}}, MaxPool2d{2}, Conv2d{3, 4, 2},
                                MaxPool2d{{3, 2}, {.stride = {1, 2}, .padding = {1, 1}}}, Flatten{}, Linear{24, 3}));
  add("average_pooling", sequential(Conv2d{1, 3, 3, {.padding = {1, 1}}}, AvgPool2d{2}, Conv2d{3, 4, 2}, Tanh{},
                                    AvgPool2d{{3, 2}, {.stride = {2, 1}, .padding = 1}}, Conv2d{4, 4, 1},
                                    AvgPool2d{3, {.stride = 1, .padding = 1, .count_include_pad = false}}, Tanh{},
                                    Conv2d{4, 3, 1}, AdaptiveAvgPool2d{{1, 3}}, Flatten{}, Linear{9, 3}));
  add("global_pooling", sequential(Conv2d{2, 4, 3}, Tanh{}, GlobalAvgPool2d{}, Linear{4, 3}));
  add("residual", sequential(residual(sequential(Linear{5, 5}, Tanh{}, Linear{5, 5})), Relu{},
                             residual(sequential(Linear{5, 4}, Tanh{}), Linear{5, 4, {.bias = false}}), Linear{4, 3}));
  add("batch_norm", sequential(Conv2d{2, 4, 3, {.padding = {1, 1}}, {.bias = false}}, BatchNorm2d{4}, Relu{},
                               Conv2d{4, 3, 3}, BatchNorm2d{3, {.momentum = {}, .affine = false}}, Tanh{}, Flatten{},
                               Linear{12, 5}, BatchNorm1d{5, {.epsilon = 1e-3, .momentum = 0.3}}, Linear{5, 2}));
  add("layer_norm", sequential(Linear{4, 6}, LayerNorm{6}, Gelu{}, LayerNorm{{5, 6}, {.epsilon = 1e-3}}, Flatten{},
                               LayerNorm{30, {.bias = false}}, LayerNorm{30, {.affine = false}}, Linear{30, 3}));
  add("group_norm", sequential(Conv2d{1, 6, 2}, GroupNorm{3, 6}, Tanh{}, Conv2d{6, 4, 1},
                               GroupNorm{1, 4, {.epsilon = 1e-3, .affine = false}}, Tanh{}, Flatten{}, Linear{16, 2}));
  add("more_activations", sequential(std::move(more)));
  add("convolution_1d",
      sequential(Conv1d{2, 4, 3, {.stride = 2, .padding = 1}}, Tanh{},
                 Conv1d{4, 6, 2, {.dilation = 2, .groups = 2}, {.bias = false}}, Relu{}, Flatten{}, Linear{18, 3}));
  add("transposed_convolution", sequential(ConvTranspose2d{2, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1}},
                                           Tanh{}, ConvTranspose2d{3, 2, {1, 2}, {.dilation = {1, 2}}, {.bias = false}},
                                           Upsample{0.5}, ConvTranspose2d{2, 4, 2, {.groups = 2}}, PixelShuffle{2},
                                           Upsample{0.5, {.mode = Interpolation::bilinear}}, Flatten{}, Linear{12, 3}));
  add("transposed_convolution_1d",
      sequential(ConvTranspose1d{2, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1}}, Tanh{}, Flatten{},
                 Linear{24, 3}));
  add("pooling_1d", sequential(Conv1d{2, 3, 3, {.padding = 1}}, MaxPool1d{2}, Conv1d{3, 4, 2}, Tanh{},
                               AvgPool1d{3, {.stride = 1, .padding = 1, .count_include_pad = false}},
                               MaxPool1d{3, {.stride = 2, .padding = 1}}, AvgPool1d{2, {.stride = 1}},
                               parallel(GlobalMaxPool1d{}, GlobalAvgPool1d{}), Linear{8, 3}));
  add("adaptive_max_pooling",
      sequential(Conv2d{1, 4, 3}, AdaptiveMaxPool2d{{3, 2}}, Conv2d{4, 5, 2}, GlobalMaxPool2d{}, Linear{5, 3}));
  add("parallel", sequential(parallel(Conv2d{2, 3, 1}, Conv2d{2, 4, 3, {.padding = 1}}), Relu{}, Tokens{}, Linear{7, 5},
                             Transpose{}, Linear{12, 6}, Tanh{}, Transpose{}, MeanOfTokens{}, Linear{5, 3}));
  add("dropout", sequential(Linear{4, 8}, Dropout{0.5}, Relu{}, Linear{8, 3}));
  add("attention", sequential(MultiheadAttention{6, 3}, MeanOfTokens{}, Linear{6, 3}));
  add("causal_attention", sequential(Embedding{9, 4}, PositionalEmbedding{7, 4},
                                     MultiheadAttention{4, 2, {.causal = true}}, Flatten{}, Linear{20, 3}));
  add("tied", tied(sequential(Named{{"embedding", Embedding{7, 3}},
                                    {"mean", MeanOfTokens{}},
                                    {"norm", LayerNorm{3}},
                                    {"head", Linear{3, 7, {.bias = false}}}}),
                   {{"head.weight", "embedding.weight"}}));
  add("text_classifier", text_classifier(11, {.features = 6, .hidden = 8, .classes = 3}));
  add("vit", vit({.image = 8, .patch = 4, .layers = 2, .heads = 2, .features = 8, .hidden = 16, .classes = 3}));
  add("mlp_mixer", mlp_mixer({.image = 8,
                              .patch = 4,
                              .layers = 2,
                              .features = 6,
                              .tokens_hidden = 5,
                              .channels_hidden = 12,
                              .classes = 3}));
  add("resnet18", resnet18({.classes = 3, .stem = Stem::cifar, .width = 1.0 / 16}));
  add("resnet34", resnet34({.classes = 3, .width = 1.0 / 32}));
  add("resnet50", resnet50({.classes = 3, .width = 1.0 / 32}));
  add("wide_resnet16", wide_resnet(16, 2, {.classes = 3, .width = 1.0 / 8}));
  add("wide_resnet28", wide_resnet(28, 1, {.classes = 3, .width = 1.0 / 4}));
  add("lenet", lenet(3));
  add("cnn", cnn(2));
  add("convnet", convnet(16, 1, 4));
  return rows;
}

}  // namespace xtangent::testing
