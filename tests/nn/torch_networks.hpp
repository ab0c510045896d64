#pragma once

#include <string>
#include <vector>

#include "nn/nn.hpp"

/// The networks of tests/fixtures/networks.py, row by row.
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
  add("lenet", lenet(3));
  add("cnn", cnn(2));
  add("convnet", convnet(16, 1, 4));
  return rows;
}

}  // namespace xtangent::testing
