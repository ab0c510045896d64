#pragma once

#include <optional>

#include "nn/layers/linear.hpp"
#include "nn/layers/rotary.hpp"

namespace xtangent::nn {

struct AttentionOptions {
  double dropout = 0.0;  ///< rate for the attention weights, in training mode
  bool causal = false;   ///< each token attends only to itself and to tokens before it
  /// The standard parameterization always has the initialization of nn.MultiheadAttention, whatever these options say.
  WeightOptions weights = {};
  std::size_t kdim = 0, vdim = 0;            ///< features of keys and of values; 0: those of the queries
  std::optional<RotaryOptions> rotary = {};  ///< rotates the queries and keys of each head
};

/// What attention leaves out, as constants or as functions of a network's inputs. A query for which nothing is left
/// takes some mean of values, where PyTorch has NaN.
template <class T>
struct AttentionMasks {
  /// Numbers to add to the scores, PyTorch's mask of floats: (S, L) for all examples, (N, S, L), or (N, heads, S, L).
  /// -infinity, or a number such as -1e30, leaves a pair of a query and a key out.
  Var<T> attn_mask = {};
  /// (N, L): keys with a number other than 0 are left out.
  Var<T> key_padding_mask = {};
  /// PyTorch's attn_mask of booleans, in the same shapes as attn_mask: pairs of a query and a key with a number other
  /// than 0 are left out.
  Var<T> bool_attn_mask = {};
};

/// A key_padding_mask for tokens (N, L): 1 where a token is `padding_idx`, else 0.
template <class T>
Var<T> padding_mask(const Var<T>& tokens, std::size_t padding_idx);

/// softmax(q k^T / sqrt(d)) v over the last two axes of q (..., S, d), k (..., L, d) and v (..., L, e): (..., S, e).
/// With `causal`, row s of q sees rows 0 ... s of k.
template <class T>
Var<T> attention(const Var<T>& q, const Var<T>& k, const Var<T>& v, bool causal = false);

/// The same for the heads of q (N, S, F), k (N, L, F) and v (N, L, F), which are consecutive features, with all that
/// the options and masks say; (N, S, F). Random numbers for dropout are those of the scope. Throws shape_error for
/// other shapes.
template <class T>
Var<T> attend_heads(Scope<T> p, std::size_t heads, const AttentionOptions& options, const Var<T>& q, const Var<T>& k,
                    const Var<T>& v, const AttentionMasks<T>& masks = {});

/// PyTorch's nn.MultiheadAttention with batch_first. Its parameters are in_proj_weight (3 features, features) and
/// in_proj_bias (3 features,) for queries, keys and values, out_proj.weight and out_proj.bias. With a kdim or vdim that
/// is not `features`, q_proj_weight, k_proj_weight and v_proj_weight replace in_proj_weight. As a layer it is the
/// attention of tokens x (N, tokens, features) to each other. Throws shape_error unless `heads` divides the features,
/// and option_error for a dropout outside of [0, 1].
class MultiheadAttention : public Module<MultiheadAttention> {
 public:
  MultiheadAttention(std::size_t features, std::size_t heads, AttentionOptions options = {});

  void parameters(Declaration& declare) const;
  void children(Declaration& visit) const { visit("out_proj", out_); }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return attend(p, x, x, x);
  }
  /// The attention of `query` (N, S, features) to `key` (N, L, kdim) and `value` (N, L, vdim), for the forward function
  /// of a network; `p` is the scope of this layer. Throws shape_error for other shapes. Cost: queries that are not the
  /// keys are multiplied by all of in_proj_weight, so that its gradient stays factored.
  template <class T>
  Var<T> attend(Scope<T> p, const Var<T>& query, const Var<T>& key, const Var<T>& value,
                const AttentionMasks<T>& masks = {}) const;

 private:
  bool packed() const { return options_.kdim == features_ && options_.vdim == features_; }
  template <class T>
  Var<T> projected(Scope<T> p, std::size_t part, const Var<T>& x) const;

  std::size_t features_, heads_;
  AttentionOptions options_;
  Linear out_;
};

}  // namespace xtangent::nn
