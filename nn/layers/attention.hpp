#pragma once

#include "nn/layers/linear.hpp"

namespace xtangent::nn {

struct AttentionOptions {
  double dropout = 0.0;  ///< rate for the attention weights, in training mode
  bool causal = false;   ///< each token attends only to itself and to tokens before it
  /// The standard parameterization always has the initialization of nn.MultiheadAttention, whatever these options say.
  WeightOptions weights = {};
};

/// softmax(q k^T / sqrt(d)) v over the last two axes of q (..., S, d), k (..., L, d) and v (..., L, e): (..., S, e).
/// With `causal`, row s of q sees rows 0 ... s of k.
template <class T>
Var<T> attention(const Var<T>& q, const Var<T>& k, const Var<T>& v, bool causal = false);

/// Attention of the tokens x (N, tokens, features) to each other: PyTorch's nn.MultiheadAttention with batch_first. Its
/// parameters are in_proj_weight (3 features, features) and in_proj_bias (3 features,) for queries, keys and values,
/// out_proj.weight and out_proj.bias. Throws shape_error unless `heads` divides the features, and option_error for a
/// dropout outside of [0, 1].
class MultiheadAttention : public Module<MultiheadAttention> {
 public:
  MultiheadAttention(std::size_t features, std::size_t heads, AttentionOptions options = {});

  void parameters(Declaration& declare) const;
  void children(Declaration& visit) const { visit("out_proj", out_); }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t features_, heads_;
  AttentionOptions options_;
  Linear out_;
};

}  // namespace xtangent::nn
