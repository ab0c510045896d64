#pragma once

#include <optional>
#include <vector>

#include "nn/layers/activation.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/normalization.hpp"

/// PyTorch's layers of transformers (Vaswani et al. 2017) with batch_first: all sequences are (N, tokens, features).
namespace xtangent::nn {

struct TransformerOptions {
  std::size_t dim_feedforward = 2048;
  double dropout = 0.1;           ///< rate of all dropouts, in training mode
  AnyModule activation = Relu{};  ///< in the perceptron
  double layer_norm_eps = 1e-5;
  bool norm_first =
      false;            ///< whether the normalizations stand before attention and perceptron, and not after the sums
  bool causal = false;  ///< each token attends only to itself and to the tokens before it
  /// The options of the linear maps; without bias the normalizations have none, too. The standard parameterization has
  /// PyTorch's initialization.
  WeightOptions weights = {};
};

/// PyTorch's nn.TransformerEncoderLayer, with children self_attn, linear1, linear2, norm1 and norm2:
///
///   norm_first:  y = x + self_attn(norm1(x)),  z = y + linear2(activation(linear1(norm2(y))))
///   otherwise:   y = norm1(x + self_attn(x)),  z = norm2(y + linear2(activation(linear1(y))))
///
/// Throws shape_error unless `heads` divides the features, for extents of 0 and for inputs of other shapes, and
/// option_error for a dropout outside of [0, 1].
class TransformerEncoderLayer : public Module<TransformerEncoderLayer> {
 public:
  TransformerEncoderLayer(std::size_t features, std::size_t heads, TransformerOptions options = {});

  std::size_t features() const { return features_; }
  const TransformerOptions& options() const { return options_; }
  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return encode(p, x);
  }
  /// The same with masks, for the forward function of a network; `p` is the scope of this layer.
  template <class T>
  Var<T> encode(Scope<T> p, const Var<T>& x, const AttentionMasks<T>& masks = {}) const;

 private:
  std::size_t features_;
  TransformerOptions options_;
  MultiheadAttention self_attn_;
  Linear linear1_, linear2_;
  Dropout dropout_;
  LayerNorm norm1_, norm2_;
};

/// The masks of a decoder: those of its tokens for each other, and those of its tokens for the memory.
template <class T>
struct DecoderMasks {
  AttentionMasks<T> target, memory;
};

/// PyTorch's nn.TransformerDecoderLayer, with children self_attn, multihead_attn, linear1, linear2, norm1, norm2 and
/// norm3: attention of the tokens to each other, to the memory, and a perceptron. Throws what the layer of the encoder
/// throws.
///
/// A network with an encoder calls `decode` from its forward function. As a layer with one input it takes the memory
/// and the tokens as one sequence, of which the first `memory_tokens` are the memory, and returns both, with the memory
/// as it was; so such layers can follow each other.
class TransformerDecoderLayer : public Module<TransformerDecoderLayer> {
 public:
  TransformerDecoderLayer(std::size_t features, std::size_t heads, TransformerOptions options = {},
                          std::size_t memory_tokens = 1);

  std::size_t features() const { return features_; }
  std::size_t memory_tokens() const { return memory_tokens_; }
  const TransformerOptions& options() const { return options_; }
  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
  /// Maps tokens (N, S, features) and a memory (N, L, features) to (N, S, features). `p` is the scope of this layer.
  template <class T>
  Var<T> decode(Scope<T> p, const Var<T>& tokens, const Var<T>& memory, const DecoderMasks<T>& masks = {}) const;

 private:
  std::size_t features_, memory_tokens_;
  TransformerOptions options_;
  MultiheadAttention self_attn_, multihead_attn_;
  Linear linear1_, linear2_;
  Dropout dropout_;
  LayerNorm norm1_, norm2_, norm3_;
};

/// PyTorch's nn.TransformerEncoder: layers like the given one with parameters of their own, "layers.0" and so on, and a
/// normalization "norm" behind them if there is one. Throws shape_error for 0 layers.
class TransformerEncoder : public Module<TransformerEncoder> {
 public:
  TransformerEncoder(TransformerEncoderLayer layer, std::size_t num_layers, std::optional<LayerNorm> norm = {});

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return encode(p, x);
  }
  /// The same with masks, which all layers share.
  template <class T>
  Var<T> encode(Scope<T> p, const Var<T>& x, const AttentionMasks<T>& masks = {}) const;

 private:
  TransformerEncoderLayer layer_;
  AnyModule layers_;
  std::size_t num_layers_;
  std::optional<LayerNorm> norm_;
};

/// PyTorch's nn.TransformerDecoder, in the same way. As a layer with one input it returns the tokens alone.
class TransformerDecoder : public Module<TransformerDecoder> {
 public:
  TransformerDecoder(TransformerDecoderLayer layer, std::size_t num_layers, std::optional<LayerNorm> norm = {});

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;
  template <class T>
  Var<T> decode(Scope<T> p, const Var<T>& tokens, const Var<T>& memory, const DecoderMasks<T>& masks = {}) const;

 private:
  TransformerDecoderLayer layer_;
  AnyModule layers_;
  std::size_t num_layers_;
  std::optional<LayerNorm> norm_;
};

}  // namespace xtangent::nn
