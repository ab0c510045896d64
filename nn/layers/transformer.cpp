#include "nn/layers/transformer.hpp"

#include <string>
#include <utility>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/sequential.hpp"

namespace xtangent::nn {
namespace {

AttentionOptions attention_options(const TransformerOptions& o, bool causal) {
  return {.dropout = o.dropout, .causal = causal, .weights = o.weights};
}

NormOptions norm_options(const TransformerOptions& o) { return {.epsilon = o.layer_norm_eps, .bias = o.weights.bias}; }

const AnyModule& activation_of(const TransformerOptions& o) {
  if (!o.activation) throw parameter_error("[transformer] the activation is a null pointer.");
  return o.activation;
}

// Layers that differ in their parameters alone, as the child "layers".
AnyModule repeated(const AnyModule& layer, std::size_t count, const char* who) {
  if (count == 0) throw shape_error(std::string("[") + who + "] 0 layers.");
  return Sequential(std::vector<AnyModule>(count, layer));
}

// The memory and the tokens of a sequence that holds both.
template <class T>
std::pair<Var<T>, Var<T>> parted(const Var<T>& x, std::size_t memory_tokens, std::size_t features) {
  if (x.rank() != 3 || x.shape()[1] <= memory_tokens || x.shape()[2] != features)
    throw shape_error("[TransformerDecoder] got " + to_string(x.shape()) + ". Expected (N, tokens, " +
                      std::to_string(features) + ") with more than the " + std::to_string(memory_tokens) +
                      " tokens of the memory. For a memory of its own call decode.");
  return {slice(x, 1, 0, memory_tokens), slice(x, 1, memory_tokens, x.shape()[1])};
}

}  // namespace

TransformerEncoderLayer::TransformerEncoderLayer(std::size_t features, std::size_t heads, TransformerOptions options)
    : features_(features),
      options_(std::move(options)),
      self_attn_(features, heads, attention_options(options_, options_.causal)),
      linear1_(features, options_.dim_feedforward, options_.weights),
      linear2_(options_.dim_feedforward, features, options_.weights),
      dropout_(options_.dropout),
      norm1_(features, norm_options(options_)),
      norm2_(features, norm_options(options_)) {
  activation_of(options_);
}

void TransformerEncoderLayer::children(Declaration& visit) const {
  visit("self_attn", self_attn_);
  visit("linear1", linear1_);
  visit("activation", *options_.activation);
  visit("dropout", dropout_);
  visit("linear2", linear2_);
  visit("norm1", norm1_);
  visit("norm2", norm2_);
  visit("dropout1", dropout_);
  visit("dropout2", dropout_);
}

template <class T>
Var<T> TransformerEncoderLayer::encode(Scope<T> p, const Var<T>& x, const AttentionMasks<T>& masks) const {
  const auto attended = [&](const Var<T>& v) {
    return dropout_(p["dropout1"], self_attn_.attend(p["self_attn"], v, v, v, masks));
  };
  const auto perceptron = [&](const Var<T>& v) {
    const Var<T> hidden = (*options_.activation)(p["activation"], linear1_(p["linear1"], v));
    return dropout_(p["dropout2"], linear2_(p["linear2"], dropout_(p["dropout"], hidden)));
  };
  if (options_.norm_first) {
    const Var<T> y = x + attended(norm1_(p["norm1"], x));
    return y + perceptron(norm2_(p["norm2"], y));
  }
  const Var<T> y = norm1_(p["norm1"], x + attended(x));
  return norm2_(p["norm2"], y + perceptron(y));
}

TransformerDecoderLayer::TransformerDecoderLayer(std::size_t features, std::size_t heads, TransformerOptions options,
                                                 std::size_t memory_tokens)
    : features_(features),
      memory_tokens_(memory_tokens),
      options_(std::move(options)),
      self_attn_(features, heads, attention_options(options_, options_.causal)),
      multihead_attn_(features, heads, attention_options(options_, false)),
      linear1_(features, options_.dim_feedforward, options_.weights),
      linear2_(options_.dim_feedforward, features, options_.weights),
      dropout_(options_.dropout),
      norm1_(features, norm_options(options_)),
      norm2_(features, norm_options(options_)),
      norm3_(features, norm_options(options_)) {
  activation_of(options_);
  if (memory_tokens == 0) throw shape_error("[TransformerDecoderLayer] a memory of 0 tokens.");
}

void TransformerDecoderLayer::children(Declaration& visit) const {
  visit("self_attn", self_attn_);
  visit("multihead_attn", multihead_attn_);
  visit("linear1", linear1_);
  visit("activation", *options_.activation);
  visit("dropout", dropout_);
  visit("linear2", linear2_);
  visit("norm1", norm1_);
  visit("norm2", norm2_);
  visit("norm3", norm3_);
  visit("dropout1", dropout_);
  visit("dropout2", dropout_);
  visit("dropout3", dropout_);
}

template <class T>
Var<T> TransformerDecoderLayer::decode(Scope<T> p, const Var<T>& tokens, const Var<T>& memory,
                                       const DecoderMasks<T>& masks) const {
  const auto attended = [&](const Var<T>& v) {
    return dropout_(p["dropout1"], self_attn_.attend(p["self_attn"], v, v, v, masks.target));
  };
  const auto remembered = [&](const Var<T>& v) {
    return dropout_(p["dropout2"], multihead_attn_.attend(p["multihead_attn"], v, memory, memory, masks.memory));
  };
  const auto perceptron = [&](const Var<T>& v) {
    const Var<T> hidden = (*options_.activation)(p["activation"], linear1_(p["linear1"], v));
    return dropout_(p["dropout3"], linear2_(p["linear2"], dropout_(p["dropout"], hidden)));
  };
  if (options_.norm_first) {
    const Var<T> y = tokens + attended(norm1_(p["norm1"], tokens));
    const Var<T> z = y + remembered(norm2_(p["norm2"], y));
    return z + perceptron(norm3_(p["norm3"], z));
  }
  const Var<T> y = norm1_(p["norm1"], tokens + attended(tokens));
  const Var<T> z = norm2_(p["norm2"], y + remembered(y));
  return norm3_(p["norm3"], z + perceptron(z));
}

template <class T>
Var<T> TransformerDecoderLayer::forward(Scope<T> p, const Var<T>& x) const {
  const auto [memory, tokens] = parted(x, memory_tokens_, features_);
  return concatenate<T>({memory, decode(p, tokens, memory)}, 1);
}

TransformerEncoder::TransformerEncoder(TransformerEncoderLayer layer, std::size_t num_layers,
                                       std::optional<LayerNorm> norm)
    : layer_(std::move(layer)),
      layers_(repeated(layer_, num_layers, "TransformerEncoder")),
      num_layers_(num_layers),
      norm_(std::move(norm)) {}

void TransformerEncoder::children(Declaration& visit) const {
  visit("layers", *layers_);
  if (norm_) visit("norm", *norm_);
}

template <class T>
Var<T> TransformerEncoder::encode(Scope<T> p, const Var<T>& x, const AttentionMasks<T>& masks) const {
  Var<T> y = x;
  for (std::size_t i = 0; i < num_layers_; ++i) y = layer_.encode(p["layers"].child(i), y, masks);
  return norm_ ? (*norm_)(p["norm"], y) : y;
}

TransformerDecoder::TransformerDecoder(TransformerDecoderLayer layer, std::size_t num_layers,
                                       std::optional<LayerNorm> norm)
    : layer_(std::move(layer)),
      layers_(repeated(layer_, num_layers, "TransformerDecoder")),
      num_layers_(num_layers),
      norm_(std::move(norm)) {}

void TransformerDecoder::children(Declaration& visit) const {
  visit("layers", *layers_);
  if (norm_) visit("norm", *norm_);
}

template <class T>
Var<T> TransformerDecoder::decode(Scope<T> p, const Var<T>& tokens, const Var<T>& memory,
                                  const DecoderMasks<T>& masks) const {
  Var<T> y = tokens;
  for (std::size_t i = 0; i < num_layers_; ++i) y = layer_.decode(p["layers"].child(i), y, memory, masks);
  return norm_ ? (*norm_)(p["norm"], y) : y;
}

template <class T>
Var<T> TransformerDecoder::forward(Scope<T> p, const Var<T>& x) const {
  const auto [memory, tokens] = parted(x, layer_.memory_tokens(), layer_.features());
  return decode(p, tokens, memory);
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template Var<T> TransformerEncoderLayer::encode(Scope<T>, const Var<T>&, const AttentionMasks<T>&) const;         \
  template Var<T> TransformerDecoderLayer::decode(Scope<T>, const Var<T>&, const Var<T>&, const DecoderMasks<T>&)   \
      const;                                                                                                        \
  template Var<T> TransformerDecoderLayer::forward(Scope<T>, const Var<T>&) const;                                  \
  template Var<T> TransformerEncoder::encode(Scope<T>, const Var<T>&, const AttentionMasks<T>&) const;              \
  template Var<T> TransformerDecoder::decode(Scope<T>, const Var<T>&, const Var<T>&, const DecoderMasks<T>&) const; \
  template Var<T> TransformerDecoder::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
