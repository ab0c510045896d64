#pragma once

#include <string>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/embedding.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/conv1d.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv3d.hpp"
#include "nn/layers/conv_transpose.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/recurrent.hpp"
#include "nn/layers/reparameterized.hpp"
#include "nn/layers/rotary.hpp"
#include "nn/layers/squeeze_excitation.hpp"
#include "nn/layers/swiglu.hpp"
#include "nn/layers/transformer.hpp"
#include "nn/layers/upsample.hpp"
#include "nn/models/gpt2.hpp"
#include "nn/models/mlp_mixer.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/text_classifier.hpp"
#include "nn/models/vit.hpp"
#include "nn/models/wide_resnet.hpp"
#include "nn/sequential.hpp"
#include "tests/ntk/written_networks.hpp"
#include "tests/testing.hpp"

/// Small networks with everything that per-example gradients have to handle. A new row runs through every test of
/// kernels.
namespace xtangent::testing {

struct NetworkRow {
  std::string name;
  nn::AnyModule net;
  Shape input;             // shape of one example
  std::size_t tokens = 0;  // if not 0, inputs are whole numbers below it
  /// Its values depend on numbers through which no derivative goes, such as a row of padding.
  bool stops_gradients = false;
};

inline std::vector<NetworkRow> networks() {
  std::vector<NetworkRow> rows;
  const auto add = [&](std::string name, nn::AnyModule net, Shape input) {
    rows.push_back({std::move(name), std::move(net), std::move(input)});
  };
  const nn::WeightOptions ntk{.parameterization = nn::Parameterization::ntk, .sigma_w = 1.5, .sigma_b = 0.5};

  add("recurrent network", recurrent(3, 4, 2), {5, 3});
  add("LSTM of two layers and both directions",
      nn::sequential(nn::Lstm(2, 3, {.num_layers = 2, .bidirectional = true}),
                     nn::Rnn(6, 3, {.output = nn::RecurrentOutput::last, .weights = ntk}, nn::Nonlinearity::relu),
                     nn::Linear(3, 2)),
      {3, 2});
  add("linear model", nn::sequential(nn::Linear(4, 3)), {4});
  add("one output", nn::sequential(nn::Linear(5, 8), nn::Relu(), nn::Linear(8, 1)), {5});
  add("mlp relu", nn::sequential(nn::Linear(6, 16), nn::Relu(), nn::Linear(16, 12), nn::Relu(), nn::Linear(12, 4)),
      {6});
  add("mlp gelu, no bias",
      nn::sequential(nn::Linear(6, 9, {.bias = false}), nn::Gelu(), nn::Linear(9, 3, {.bias = false})), {6});
  add("mlp, NTK parameterization", nn::sequential(nn::Linear(6, 16, ntk), nn::Erf(), nn::Linear(16, 3, ntk)), {6});
  add("more outputs than width", nn::sequential(nn::Linear(4, 2), nn::Tanh(), nn::Linear(2, 9)), {4});

  add("convolution, stride and padding",
      Written({{"w", {5, 2, 3, 3}}, {"b", {5}}, {"v", {3, 5 * 9}}},
              [](auto p, const auto& x) {
                const auto h = tanh(conv2d(x, p("w"), p("b"), {.stride = {2, 2}, .padding = {1, 1}}));
                return linear(flatten(h), p("v"));
              }),
      {2, 6, 6});
  add("convolution, dilation and groups, pointwise after it",
      Written({{"w", {4, 2, 2, 2}}, {"u", {6, 4, 1, 1}}, {"ub", {6}}, {"v", {3, 6}}},
              [](auto p, const auto& x) {
                const auto h = relu(conv2d(x, p("w"), {}, {.dilation = {2, 1}, .groups = 2}));
                return linear(mean(conv2d(h, p("u"), p("ub")), {-1, -2}), p("v"));
              }),
      {4, 5, 5});
  add("deep convolutions, few positions",
      Written({{"w", {24, 20, 3, 3}}, {"b", {24}}, {"v", {2, 24}}},
              [](auto p, const auto& x) {
                return linear(mean(conv2d(x, p("w"), p("b"), {.padding = {1, 1}}), {-1, -2}), p("v"));
              }),
      {20, 2, 2});
  add("padded convolutions of several channels, a dilated one, a pointwise one",
      nn::sequential(nn::Conv2d(3, 5, 3, {.padding = {1, 1}}), nn::Tanh(),
                     nn::Conv2d(5, 4, 3, {.padding = {2, 2}, .dilation = {2, 2}}), nn::Relu(), nn::Conv2d(4, 6, 1),
                     nn::Tanh(), nn::Flatten(), nn::Linear(6 * 20, 3)),
      {3, 5, 4});
  add("rectangular kernel without padding, wide padding on one side",
      Written({{"w", {4, 3, 2, 3}}, {"u", {3, 4, 3, 2}}, {"v", {2, 3}}},
              [](auto p, const auto& x) {
                const auto h = tanh(conv2d(x, p("w"), {}, {.dilation = {2, 1}}));
                return linear(mean(conv2d(h, p("u"), {}, {.padding = {0, 3}}), {-1, -2}), p("v"));
              }),
      {3, 6, 5});
  add("one kernel on images of two sizes",
      Written({{"w", {2, 2, 3, 3}}, {"v", {2, 2}}},
              [](auto p, const auto& x) {
                const auto h = tanh(conv2d(x, p("w"), {}, {.padding = {1, 1}}));
                return linear(mean(conv2d(slice(h, -1, 1, 4), p("w")), {-1, -2}) + mean(h, {-1, -2}), p("v"));
              }),
      {2, 5, 5});
  add("one kernel with and without stride",
      Written({{"w", {2, 2, 2, 2}}, {"v", {2, 2}}},
              [](auto p, const auto& x) {
                const auto h = tanh(conv2d(x, p("w")));
                return linear(mean(conv2d(h, p("w"), {}, {.stride = {2, 2}}), {-1, -2}), p("v"));
              }),
      {2, 5, 5});
  add("one weight on sequences of two lengths and on their mean",
      Written({{"w", {4, 4}}, {"b", {4}}},
              [](auto p, const auto& x) {
                const auto h = tanh(linear(x, p("w"), p("b")));
                const auto g = tanh(linear(slice(h, -2, 0, 3), p("w")));
                return linear(mean(g, {-2}), p("w"), p("b"));
              }),
      {5, 4});
  add("sequence: linear on tokens, softmax attention",
      Written({{"q", {6, 5}}, {"k", {6, 5}}, {"v", {4, 5}}, {"vb", {4}}, {"head", {3, 4}}},
              [](auto p, const auto& x) {
                const auto weights = softmax(matmul(linear(x, p("q")), linear(x, p("k")), {.transpose_b = true}), -1);
                return linear(mean(matmul(weights, linear(x, p("v"), p("vb"))), {-2}), p("head"));
              }),
      {7, 5});
  add("weights used twice, tied to the head",
      Written({{"w", {5, 5}}, {"b", {5}}},
              [](auto p, const auto& x) {
                const auto h = tanh(linear(x, p("w"), p("b")));
                return linear(tanh(linear(h, p("w"), p("b"))), p("w")) + linear(h, p("w"));
              }),
      {5});
  add("one weight as a matrix and as a kernel",
      Written({{"w", {4, 9}}, {"v", {3, 4}}},
              [](auto p, const auto& x) {
                const auto h = tanh(conv2d(x, reshape(p("w"), {4, 1, 3, 3})));
                return linear(linear(flatten(slice(slice(x, -1, 0, 3), -2, 0, 3)), p("w")) + mean(h, {-1, -2}), p("v"));
              }),
      {1, 4, 4});
  add("one weight in two shapes",
      Written({{"w", {6, 4}}, {"v", {2, 6}}},
              [](auto p, const auto& x) {
                const auto h = tanh(linear(x, p("w")));
                return linear(h, p("v")) + slice(linear(h, reshape(p("w"), {4, 6})), -1, 0, 2);
              }),
      {4});
  add("autoencoder whose decoder is the transpose of its encoder",
      Written({{"w", {4, 6}}, {"b", {4}}, {"c", {6}}},
              [](auto p, const auto& x) { return matmul(tanh(linear(x, p("w"), p("b"))), p("w")) + p("c"); }),
      {6});
  add("matrices on both sides, transposed and not",
      Written({{"a", {3, 5}}, {"b", {5, 4}}, {"c", {6, 4}}, {"d", {6, 3}}, {"v", {6, 2}}},
              [](auto p, const auto& x) {
                const auto h = tanh(matmul(matmul(p("a"), x), p("b")));   // (3, 5) (5, 5) (5, 4)
                const auto g = tanh(matmul(p("d"), h));                   // (6, 4)
                const auto f = matmul(g, p("c"), {.transpose_b = true});  // (6, 6)
                return reshape(matmul(mean(matmul(p("d"), f, {.transpose_a = true}), {-2}, true), p("v")),
                               {x.shape()[0], 2});
              }),
      {5, 5});
  add("a weight, its transpose, and the transpose of another shape",
      Written({{"w", {4, 6}}, {"v", {2, 4}}},
              [](auto p, const auto& x) {
                const auto h = tanh(linear(x, p("w")));
                const auto g = tanh(linear(h, transpose(p("w"))));
                return linear(linear(g, p("w")) + linear(g, transpose(reshape(p("w"), {6, 4}))), p("v"));
              }),
      {6});
  add("parameters made of parameters",
      Written({{"w", {6, 5}}, {"scale", {6, 1}}, {"shift", {1}}, {"head", {6, 3}}},
              [](auto p, const auto& x) {
                const auto w = p("w") * exp(p("scale"));
                return matmul(tanh(linear(x, w) + p("shift") * 0.5), p("head"));
              }),
      {5});
  add("elementwise scales and shifts, a parameter that does nothing",
      Written({{"scale", {6}}, {"shift", {6}}, {"unused", {3}}, {"w", {2, 6}}},
              [](auto p, const auto& x) { return linear(tanh(x * p("scale") + p("shift")), p("w")); }),
      {6});
  add("an op of the user's",
      Written({{"w", {6, 4}}, {"c", {6}}, {"v", {3, 6}}},
              []<class S, class V>(S p, const V& x) {
                using T = typename std::decay_t<decltype(x.value())>::value_type;
                return linear(tanh(apply_op(CubedScale<T>(), linear(x, p("w")), p("c") + 1.0)), p("v"));
              }),
      {4});
  add("layer norm by hand",
      Written({{"w", {8, 4}}, {"gamma", {8}}, {"beta", {8}}, {"v", {3, 8}}},
              [](auto p, const auto& x) {
                const auto h = linear(x, p("w"));
                const auto centered = h - mean(h, {-1}, true);
                const auto normal = centered / sqrt(mean(centered * centered, {-1}, true) + 1e-5);
                return linear(relu(normal * p("gamma") + p("beta")), p("v"));
              }),
      {4});
  add("convolutions with batch norm in evaluation mode",
      nn::sequential(nn::Conv2d(2, 4, 3, {.padding = {1, 1}}, {.bias = false}), nn::BatchNorm2d(4), nn::Relu(),
                     nn::Conv2d(4, 3, 3), nn::BatchNorm2d(3, {.affine = false}), nn::Tanh(), nn::Flatten(),
                     nn::Linear(12, 5), nn::BatchNorm1d(5), nn::Linear(5, 2)),
      {2, 4, 4});
  add("layer norm on tokens",
      nn::sequential(nn::Linear(4, 6), nn::LayerNorm(6), nn::Gelu(), nn::LayerNorm({5, 6}), nn::Flatten(),
                     nn::Linear(30, 3)),
      {5, 4});
  add("group norm",
      nn::sequential(nn::Conv2d(1, 6, 2), nn::GroupNorm(3, 6), nn::Tanh(), nn::Flatten(), nn::Linear(24, 2)),
      {1, 3, 3});
  add("convolution of signals",
      nn::sequential(nn::Conv1d(3, 4, 3, {.stride = 2, .padding = 1}, ntk), nn::Relu(), nn::Conv1d(4, 2, 2),
                     nn::Flatten(), nn::Linear(6, 2)),
      {3, 7});
  add("convolutions of volumes",
      nn::sequential(nn::Conv3d(2, 3, {2, 2, 3}, {.stride = {1, 2, 1}, .padding = {1, 0, 1}}, ntk), nn::Tanh(),
                     nn::MaxPool3d(2, {.stride = 1}), nn::Conv3d(3, 4, {2, 1, 2}, {}, {.bias = false}), nn::Relu(),
                     nn::AdaptiveAvgPool3d(1), nn::Flatten(), nn::Linear(4, 2)),
      {2, 3, 4, 3});
  add("convolutions of volumes in groups, padded around",
      nn::sequential(nn::Conv3d(2, 4, 2, {.padding = 1, .groups = 2, .padding_mode = PadMode::circular}), nn::Tanh(),
                     nn::AvgPool3d(2, {.padding = 1, .ceil_mode = true}), nn::Conv3d(4, 2, 1), nn::GlobalAvgPool3d(),
                     nn::Linear(2, 2)),
      {2, 2, 2, 2});
  add("convolutions of images padded to the same size",
      nn::sequential(nn::Conv2d(1, 3, {2, 3}, {.padding = same_padding, .padding_mode = PadMode::reflect}), nn::Tanh(),
                     nn::Conv2d(3, 2, 2, {.padding = same_padding}), nn::Pad({1, 0, 0, 1}, {.value = 0.5}), nn::Relu(),
                     nn::Flatten(), nn::Linear(40, 2)),
      {1, 3, 4});
  add("transposed convolutions, images of other sizes",
      nn::sequential(nn::ConvTranspose2d(2, 3, 3, {.stride = 2, .padding = 1}, ntk), nn::Tanh(), nn::Upsample(2.0),
                     nn::ConvTranspose2d(3, 4, 2, {.groups = 1}), nn::PixelShuffle(2),
                     nn::Upsample(0.5, {.mode = Interpolation::bilinear}),
                     nn::ConvTranspose2d(1, 2, 2, {.dilation = {2, 1}}, {.bias = false}), nn::Flatten(),
                     nn::Linear(144, 2)),
      {2, 2, 2});
  add("transposed convolution of signals in groups",
      nn::sequential(nn::ConvTranspose1d(4, 2, 3, {.stride = 2, .output_padding = 1, .groups = 2}), nn::Tanh(),
                     nn::Flatten(), nn::Linear(16, 2)),
      {4, 3});
  add("residual network", nn::resnet18({.classes = 2, .stem = nn::Stem::cifar, .width = 1.0 / 32}), {3, 6, 6});
  add("vision transformer",
      nn::vit(
          {.image = 4, .patch = 2, .channels = 1, .layers = 1, .heads = 2, .features = 4, .hidden = 6, .classes = 2}),
      {1, 4, 4});
  add("attention, NTK parameterization, parallel branches",
      nn::sequential(nn::PositionalEmbedding(4, 6), nn::MultiheadAttention(6, 3, {.causal = true, .weights = ntk}),
                     nn::Parallel({nn::Linear(6, 2), nn::sequential(nn::Linear(6, 3, ntk), nn::Tanh())}, -1),
                     nn::Prelu(4), nn::Dropout(0.5), nn::Flatten(), nn::Linear(20, 2)),
      {4, 6});
  add("transformer decoder that reads its memory from the front",
      nn::sequential(nn::TransformerDecoder({4, 2, {.dim_feedforward = 5, .causal = true, .weights = ntk}, 2}, 1),
                     nn::Flatten(), nn::Linear(8, 2)),
      {4, 4});
  add("transformer encoder",
      nn::sequential(nn::TransformerEncoder({4, 2, {.dim_feedforward = 5, .norm_first = true}}, 2), nn::Flatten(),
                     nn::Linear(12, 2)),
      {3, 4});
  add("instance norm, squeezed channels and local responses",
      nn::sequential(nn::Conv2d(1, 4, 2), nn::InstanceNorm2d(4, {.affine = true}), nn::SqueezeExcitation(4, 2),
                     nn::LocalResponseNorm(3), nn::Flatten(), nn::Linear(16, 2)),
      {1, 3, 3});
  add("weight norm and spectral norm",
      nn::sequential(nn::weight_norm(nn::Conv1d(2, 3, 2)), nn::Tanh(), nn::Flatten(),
                     nn::spectral_norm(nn::Linear(9, 4)), nn::Linear(4, 2)),
      {2, 4});
  rows.back().stops_gradients = true;
  add("transposed tie",
      nn::tied(nn::sequential(nn::Linear(5, 3), nn::Tanh(), nn::TransposedLinear(3, 5, ntk)),
               {{"2.weight", "0.weight"}}),
      {5});
  add("mixer",
      nn::mlp_mixer({.image = 4,
                     .patch = 2,
                     .channels = 1,
                     .layers = 1,
                     .features = 4,
                     .tokens_hidden = 3,
                     .channels_hidden = 5,
                     .classes = 2}),
      {1, 4, 4});
  add("wide residual network", nn::wide_resnet(10, 1, {.classes = 2, .width = 1.0 / 8, .channels = 1}), {1, 4, 4});
  add("tied layers",
      nn::tied(nn::sequential(nn::Linear(4, 4), nn::Tanh(), nn::Linear(4, 4), nn::Prelu(),
                              nn::Linear(4, 2, {.bias = false})),
               {{"2", "0"}}),
      {4});
  const auto add_text = [&](std::string name, nn::AnyModule net, std::size_t length, std::size_t tokens) {
    rows.push_back({std::move(name), std::move(net), {length}, tokens});
  };
  add_text("recurrent network with a step for each token of a tied embedding",
           Written({{"embedding", {7, 4}}, {"hidden", {4, 4}}},
                   [](auto p, const auto& x) {
                     const std::size_t steps = x.shape()[1], n = x.shape()[0];
                     const auto words = embedding(x, p("embedding"));
                     auto h = tanh(reshape(slice(words, 1, 0, 1), {n, 4}));
                     for (std::size_t t = 1; t < steps; ++t)
                       h = tanh(reshape(slice(words, 1, t, t + 1), {n, 4}) + linear(h, p("hidden")));
                     return linear(h, p("embedding"));
                   }),
           3, 7);
  add_text("words read by a GRU",
           nn::sequential(nn::Embedding(6, 3), nn::Gru(3, 4, {.output = nn::RecurrentOutput::last}), nn::Linear(4, 2)),
           4, 6);
  add_text("words with padding, RMS norm, gates and rotations",
           nn::sequential(nn::Embedding(5, 4, {.padding_idx = 1}), nn::RmsNorm(4), nn::SwiGlu(4, 6),
                          nn::RotaryEmbedding(), nn::Glu(), nn::Flatten(), nn::Linear(8, 2)),
           4, 5);
  rows.back().stops_gradients = true;
  add_text("bag of words with padding",
           nn::sequential(nn::EmbeddingBag(5, 4, {.embedding = {.padding_idx = 1}}), nn::Tanh(), nn::Linear(4, 2)), 4,
           5);
  add_text("GPT-2", nn::gpt2({.vocab_size = 5, .n_positions = 4, .n_embd = 4, .n_layer = 1, .n_head = 2, .n_inner = 6}),
           3, 5);
  add_text("bag of words", nn::text_classifier(6, {.features = 4, .hidden = 5, .classes = 3, .weights = ntk}), 5, 6);
  add_text("text, convolution and largest places",
           nn::sequential(nn::Embedding(5, 4), nn::Transpose(), nn::Conv1d(4, 6, 3, {.padding = 1}),
                          nn::GlobalMaxPool1d(), nn::Linear(6, 2)),
           6, 5);
  add_text("embedding used twice",
           Written({{"e", {6, 3}}, {"v", {2, 3}}},
                   [](auto p, const auto& x) {
                     const auto h = mean(tanh(embedding(x, p("e"))), {-2});
                     return linear(h * mean(embedding(slice(x, -1, 1, 3), p("e")), {-2}), p("v"));
                   }),
           5, 6);
  add_text("embedding tied to the head",
           nn::tied(nn::sequential(nn::Embedding(5, 4), nn::PositionalEmbedding(7, 4), nn::MultiheadAttention(4, 2),
                                   nn::MeanOfTokens(), nn::Linear(4, 5)),
                    {{"4.weight", "0.weight"}}),
           4, 5);
  return rows;
}

/// Draws n examples for a row.
inline Array<double> examples_of(const NetworkRow& row, std::size_t n, const std::string& seed) {
  Random random(row.name + seed);
  if (row.tokens == 0) return random_array(random, row.input.prepended(n));
  std::vector<double> tokens(n * row.input.size());
  for (double& t : tokens) t = static_cast<double>(random.below(row.tokens));
  return Array<double>::from(row.input.prepended(n), tokens);
}

}  // namespace xtangent::testing
