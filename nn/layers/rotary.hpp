#pragma once

#include "nn/module.hpp"

namespace xtangent::nn {

struct RotaryOptions {
  double base = 10000.0;
  /// Whether the numbers 2 i and 2 i + 1 of a token are rotated together (the paper and GPT-J), or i and i + d / 2
  /// (LLaMA and GPT-NeoX).
  bool interleaved = false;
};

/// Rotary embedding (Su et al. 2021) of the positions of tokens x (..., tokens, d): pair i of token t is rotated by the
/// angle t base^(-2 i / d), counter-clockwise. Products of queries and keys that were rotated depend on the distance of
/// their tokens. Throws shape_error for an odd d or a rank below 2. Cost: three passes over x.
template <class T>
Var<T> rotary_embedding(const Var<T>& x, const RotaryOptions& options = {});

/// The same as a layer, without parameters. Throws option_error unless the base is positive.
class RotaryEmbedding : public Module<RotaryEmbedding> {
 public:
  explicit RotaryEmbedding(RotaryOptions options = {});
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return rotary_embedding(x, options_);
  }

 private:
  RotaryOptions options_;
};

}  // namespace xtangent::nn
