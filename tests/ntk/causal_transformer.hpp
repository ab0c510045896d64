#pragma once

#include "autodiff/ops/reduction.hpp"
#include "nn/layers/linear.hpp"
#include "nn/models/vit.hpp"
#include "nn/module.hpp"

namespace xtangent::testing {

/// One causal block over tokens of so many numbers, whose mean is read by the head. Its attention holds the square of
/// the number of tokens.
struct CausalTransformer : nn::Module<CausalTransformer> {
  nn::Linear in, head;
  nn::TransformerBlock block;

  CausalTransformer(std::size_t numbers, std::size_t features, std::size_t heads, std::size_t outputs)
      : in(numbers, features),
        head(features, outputs),
        block(features, {.heads = heads, .hidden = 2 * features, .causal = true}) {}

  void children(nn::Declaration& visit) const {
    visit("in", in);
    visit("block", block);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return head(p["head"], mean(block(p["block"], in(p["in"], x)), {1}));
  }
};

}  // namespace xtangent::testing
