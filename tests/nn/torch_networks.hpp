#pragma once

#include <string>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/nn.hpp"

/// The networks of tests/fixtures/table.py, row by row.
namespace xtangent::testing {

struct TorchRow {
  std::string name;
  nn::AnyModule net;
};

/// One step of each cell, and a second one of those that go on from it.
struct Cells : nn::Module<Cells> {
  nn::RnnCell rnn{3, 4}, relu{4, 3, {}, nn::Nonlinearity::relu};
  nn::LstmCell lstm{3, 2};
  nn::GruCell gru{2, 3, {.bias = false}};

  void children(nn::Declaration& visit) const {
    visit("rnn", rnn);
    visit("relu", relu);
    visit("lstm", lstm);
    visit("gru", gru);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> h = relu(p["relu"], rnn(p["rnn"], x));
    const nn::RecurrentState<T> state = lstm.step(p["lstm"], h, lstm.step(p["lstm"], x));
    return gru.step(p["gru"], state.hidden, {gru(p["gru"], state.cell), {}}).hidden;
  }
};

/// The decoder begins where the encoder ended.
struct Translator : nn::Module<Translator> {
  nn::Lstm encoder{2, 3, {.num_layers = 2}}, decoder{2, 3, {.num_layers = 2}};
  nn::Linear head{3, 2};

  void children(nn::Declaration& visit) const {
    visit("encoder", encoder);
    visit("decoder", decoder);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const auto read = encoder.run_from(p["encoder"], slice(x, 1, 0, 3));
    const Var<T> output = decoder.run_from(p["decoder"], slice(x, 1, 3, 5), read.state).output;
    return head(p["head"], reshape(slice(output, 1, 1, 2), {x.shape()[0], 3}));
  }
};

/// An encoder with a mask for all examples, and attention with one for each example, both of booleans.
struct BooleanMasks : nn::Module<BooleanMasks> {
  nn::TransformerEncoderLayer encoder{4, 2, {.dim_feedforward = 5}};
  nn::MultiheadAttention own{4, 2};
  nn::Linear head{4, 2};

  void children(nn::Declaration& visit) const {
    visit("encoder", encoder);
    visit("own", own);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> places(Array<T>::from({1, 4}, {0, 1, 2, 3}));
    const Var<T> ahead = places - transpose(places);  // (S, L)
    const Var<T> y = encoder.encode(p["encoder"], x, {.bool_attn_mask = step(ahead - 1.5)});
    const Var<T> positive = step(transpose(slice(x, 2, 0, 1), {0, 2, 1}));
    const Var<T> z = own.attend(p["own"], y, y, y, {.bool_attn_mask = positive * step(abs(ahead))});
    return head(p["head"], mean(z, {1}));
  }
};

/// Attention that leaves padding out and prefers near words, and attention to other features.
struct MaskedAttention : nn::Module<MaskedAttention> {
  nn::Embedding embedding{5, 4};
  nn::MultiheadAttention near{4, 2}, cross{4, 2, {.kdim = 3, .vdim = 2}};
  nn::Linear head{4, 2};

  void children(nn::Declaration& visit) const {
    visit("embedding", embedding);
    visit("near", near);
    visit("cross", cross);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& tokens) const {
    const Var<T> x = embedding(p["embedding"], tokens);
    const Var<T> places(Array<T>::from({4, 1}, {0, 1, 2, 3}));
    const Var<T> distance = abs(places - transpose(places)) * -0.3;
    const Var<T> y = near.attend(p["near"], x, x, x, {distance, nn::padding_mask(tokens, 0)});
    const Var<T> first = slice(y, 1, 0, 3), rows = slice(x, 1, 0, 3);
    const Var<T> z = cross.attend(p["cross"], x, slice(first, 2, 0, 3), slice(rows, 2, 0, 2));
    return head(p["head"], mean(y + z, {1}));
  }
};

/// A decoder whose memory is a part of its input that went through an encoder.
struct TransformerTranslator : nn::Module<TransformerTranslator> {
  nn::TransformerEncoderLayer encoder{4, 2, {.dim_feedforward = 5, .activation = nn::Gelu{}, .norm_first = true}};
  nn::TransformerDecoder decoder{{4, 1, {.dim_feedforward = 3, .causal = true, .weights = {.bias = false}}}, 2};
  nn::TransformerDecoderLayer last{4, 2, {.dim_feedforward = 3, .layer_norm_eps = 1e-3, .norm_first = true}};
  nn::Linear head{4, 2};

  void children(nn::Declaration& visit) const {
    visit("encoder", encoder);
    visit("decoder", decoder);
    visit("last", last);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> memory = encoder(p["encoder"], slice(x, 1, 0, 2));
    const Var<T> y = decoder.decode(p["decoder"], slice(x, 1, 2, 5), memory);
    return head(p["head"], mean(last.decode(p["last"], y, memory), {1}));
  }
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
  add("convolution_3d",
      sequential(Conv3d{2, 4, {2, 3, 2}, {.stride = {1, 2, 1}, .padding = {1, 1, 0}}}, Tanh{},
                 MaxPool3d{2, {.stride = {2, 1, 2}, .ceil_mode = true}},
                 Conv3d{4, 4, 2, {.padding = 1, .groups = 2}, {.bias = false}}, Tanh{},
                 AvgPool3d{3, {.stride = {2, 2, 1}, .padding = 1, .count_include_pad = false, .ceil_mode = true}},
                 AdaptiveAvgPool3d{{1, 2, 3}}, Flatten{}, Linear{24, 3}));
  add("padding_1d",
      sequential(Conv1d{2, 3, 3, {.padding = 2, .padding_mode = PadMode::reflect}}, Tanh{},
                 Conv1d{3, 3, 4, {.padding = same_padding, .dilation = 2, .padding_mode = PadMode::circular}}, Tanh{},
                 Conv1d{3, 2, 2, {.padding = same_padding}}, Flatten{}, Linear{18, 3}));
  add("padding_2d",
      sequential(Conv2d{1, 3, 3, {.padding = {1, 2}, .padding_mode = PadMode::circular}}, Tanh{},
                 Conv2d{3, 2, {2, 3}, {.padding = same_padding, .padding_mode = PadMode::replicate}}, Tanh{},
                 Conv2d{2, 2, 3, {.stride = 2, .padding = 1}}, Pad{{1, 2, 1, 0}, {.mode = PadMode::reflect}},
                 Pad{{1, 1, 1, 1}}, Flatten{}, Linear{90, 3}));
  add("padding_3d", sequential(Conv3d{1, 2, 2, {.padding = same_padding, .padding_mode = PadMode::replicate}}, Tanh{},
                               Conv3d{2, 2, {2, 1, 3}, {.padding = 1, .padding_mode = PadMode::circular}}, MaxPool3d{2},
                               Flatten{}, Linear{4, 2}));
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
  const auto last = RecurrentOutput::last;
  add("rnn", sequential(Rnn{3, 4, {}, Nonlinearity::relu},
                        Rnn{4, 3, {.num_layers = 2, .output = last, .weights = {.bias = false}}}, Linear{3, 2}));
  add("projected_lstm",
      sequential(Lstm{2, 3, {.num_layers = 2, .bidirectional = true, .proj_size = 2}}, Tanh{},
                 Lstm{4, 3, {.proj_size = 1, .output = last, .weights = {.bias = false}}}, Linear{1, 3}));
  add("lstm", sequential(Lstm{2, 2, {.num_layers = 2, .bidirectional = true}}, Tanh{}, Lstm{4, 2, {.output = last}},
                         Linear{2, 3}));
  add("gru", sequential(Embedding{5, 2}, Gru{2, 3, {.weights = {.bias = false}}},
                        Gru{3, 2, {.bidirectional = true, .output = last}}, Linear{4, 2}));
  add("rms_norm", sequential(Linear{4, 6}, RmsNorm{6}, Glu{}, RmsNorm{{5, 3}, {.epsilon = 1e-3}}, SwiGlu{3, 4},
                             Flatten{}, RmsNorm{15, {.epsilon = 1e-3, .affine = false}}, Linear{15, 2}));
  add("rotary", sequential(Linear{3, 6}, RotaryEmbedding{}, Linear{6, 4}, Glu{1},
                           RotaryEmbedding{{.base = 30.0, .interleaved = true}}, Flatten{}, Linear{8, 2}));
  add("padded_embedding", sequential(Embedding{6, 4, {.padding_idx = 2}}, Tanh{}, MeanOfTokens{}, Linear{4, 3}));
  const EmbeddingOptions padded{.padding_idx = 1};
  add("embedding_bag", parallel(EmbeddingBag{4, 2}, EmbeddingBag{4, 2, {.mode = BagMode::sum}},
                                EmbeddingBag{4, 2, {.mode = BagMode::max}}, EmbeddingBag{4, 2, {.embedding = padded}},
                                EmbeddingBag{4, 2, {.mode = BagMode::sum, .embedding = padded}},
                                EmbeddingBag{4, 2, {.mode = BagMode::max, .embedding = padded}}));
  add("recurrent_cells", Cells{});
  add("translator", Translator{});
  add("masked_attention", MaskedAttention{});
  add("boolean_masks", BooleanMasks{});
  add("upsample", sequential(Conv2d{1, 2, 2}, Upsample::to({5, 3}), Tanh{},
                             Upsample::to({2, 4}, {.mode = Interpolation::bilinear, .align_corners = true}), Flatten{},
                             Linear{16, 2}));
  add("transformer_encoder",
      sequential(TransformerEncoder{{4, 2, {.dim_feedforward = 5}}, 2, LayerNorm{4}}, MeanOfTokens{}, Linear{4, 2}));
  add("transformer_decoder", TransformerTranslator{});
  add("gpt2", gpt2({.vocab_size = 7, .n_positions = 5, .n_embd = 8, .n_layer = 2, .n_head = 2}));
  add("instance_norm",
      sequential(Conv2d{1, 3, 2}, InstanceNorm2d{3}, Tanh{},
                 InstanceNorm2d{3, {.momentum = 0.3, .affine = true, .track_running_stats = true}}, Tokens{},
                 Transpose{}, InstanceNorm1d{3, {.epsilon = 1e-3, .affine = true}}, Flatten{}, Linear{12, 2}));
  add("squeeze_excitation",
      sequential(Conv2d{2, 4, 2}, SqueezeExcitation{4, 2}, LocalResponseNorm{3, {.alpha = 0.5, .beta = 0.6, .k = 1.2}},
                 SqueezeExcitation{4, 3, Silu{}, Tanh{}}, LocalResponseNorm{2}, GlobalAvgPool2d{}, Linear{4, 2}));
  add("weight_norm", sequential(weight_norm(Conv1d{2, 3, 2}), Tanh{}, Flatten{},
                                weight_norm(Linear{9, 4}, {.dim = {}, .names = WeightNames::suffixes}), Tanh{},
                                weight_norm(Linear{4, 2, {.bias = false}}, {.dim = 1})));
  add("spectral_norm", sequential(spectral_norm(Conv1d{2, 3, 2}), Tanh{}, Flatten{},
                                  spectral_norm(Linear{9, 4}, {.names = WeightNames::suffixes}), Tanh{}, Linear{4, 2}));
  add("spectral_norm_transposed",
      sequential(spectral_norm(ConvTranspose1d{2, 3, 2}), Tanh{}, Flatten{}, Linear{15, 2}));
  add("tied_autoencoder",
      tied(sequential(Named{{"encoder", Linear{5, 3}}, {"tanh", Tanh{}}, {"decoder", TransposedLinear{3, 5}}}),
           {{"decoder.weight", "encoder.weight"}}));
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
