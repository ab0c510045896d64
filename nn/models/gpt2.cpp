#include "nn/models/gpt2.hpp"

#include <cmath>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/normalization.hpp"

namespace xtangent::nn {
namespace {

// The initial weights of all maps, and of those whose results are added to the residual stream.
Initializer inner() { return normal(0.02); }
Initializer outer(const Gpt2Options& o) { return normal(0.02 / std::sqrt(2.0 * static_cast<double>(o.n_layer))); }

struct Attention : Module<Attention> {
  explicit Attention(const Gpt2Options& o)
      : features(o.n_embd),
        heads(o.n_head),
        options{.dropout = o.dropout, .causal = true},
        c_attn(o.n_embd, 3 * o.n_embd, inner()),
        c_proj(o.n_embd, o.n_embd, outer(o)),
        resid_dropout(o.dropout) {}
  std::size_t features, heads;
  AttentionOptions options;
  TransposedLinear c_attn, c_proj;
  Dropout resid_dropout;

  void children(Declaration& visit) const {
    visit("c_attn", c_attn);
    visit("c_proj", c_proj);
    visit("resid_dropout", resid_dropout);
  }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    const Var<T> all = c_attn(p["c_attn"], x);
    const auto part = [&](std::size_t i) { return slice(all, -1, i * features, (i + 1) * features); };
    const Var<T> y = attend_heads(p, heads, options, part(0), part(1), part(2));
    return resid_dropout(p["resid_dropout"], c_proj(p["c_proj"], y));
  }
};

AnyModule perceptron(const Gpt2Options& o) {
  const std::size_t hidden = o.n_inner ? o.n_inner : 4 * o.n_embd;
  return Sequential(Named{{"c_fc", TransposedLinear(o.n_embd, hidden, inner())},
                          {"act", GeluTanh{}},
                          {"c_proj", TransposedLinear(hidden, o.n_embd, outer(o))},
                          {"dropout", Dropout(o.dropout)}});
}

// x + attn(ln_1(x)), then y + mlp(ln_2(y))
struct Block : Module<Block> {
  explicit Block(const Gpt2Options& o)
      : ln_1(o.n_embd, {.epsilon = o.layer_norm_epsilon}),
        attn(o),
        ln_2(o.n_embd, {.epsilon = o.layer_norm_epsilon}),
        mlp(perceptron(o)) {}
  LayerNorm ln_1;
  Attention attn;
  LayerNorm ln_2;
  AnyModule mlp;

  void children(Declaration& visit) const {
    visit("ln_1", ln_1);
    visit("attn", attn);
    visit("ln_2", ln_2);
    visit("mlp", *mlp);
  }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    const Var<T> y = x + attn(p["attn"], ln_1(p["ln_1"], x));
    return y + (*mlp)(p["mlp"], ln_2(p["ln_2"], y));
  }
};

AnyModule transformer(const Gpt2Options& o) {
  if (o.n_layer == 0) throw shape_error("[gpt2] 0 layers.");
  if (o.n_head == 0 || o.n_embd % o.n_head != 0)
    throw shape_error("[gpt2] " + std::to_string(o.n_head) + " heads do not divide " + std::to_string(o.n_embd) +
                      " features.");
  const EmbeddingOptions small{.deviation = 0.02};
  return Sequential(Named{{"wte", Embedding(o.vocab_size, o.n_embd, small)},
                          {"wpe", PositionalEmbedding(o.n_positions, o.n_embd, small)},
                          {"drop", Dropout(o.dropout)},
                          {"h", Sequential(std::vector<AnyModule>(o.n_layer, Block(o)))},
                          {"ln_f", LayerNorm(o.n_embd, {.epsilon = o.layer_norm_epsilon})}});
}

}  // namespace

Gpt2::Gpt2(Gpt2Options options)
    : options_(options),
      transformer_(transformer(options)),
      lm_head_(Linear(options.n_embd, options.vocab_size, {.bias = false})) {}

void Gpt2::children(Declaration& visit) const {
  visit("transformer", *transformer_);
  visit("lm_head", *lm_head_);
  visit.tie("lm_head.weight", "transformer.wte.weight");
}

template <class T>
Var<T> Gpt2::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 2 || x.shape()[1] == 0 || x.shape()[1] > options_.n_positions)
    throw shape_error("[gpt2] got " + to_string(x.shape()) + ". Expected (N, tokens) with 1 to " +
                      std::to_string(options_.n_positions) + " tokens.");
  Var<T> y = (*transformer_)(p["transformer"], x);
  const std::size_t tokens = y.shape()[1];
  if (options_.logits == LogitsOf::last_token)
    y = reshape(slice(y, 1, tokens - 1, tokens), {y.shape()[0], options_.n_embd});
  return (*lm_head_)(p["lm_head"], y);
}

template Var<float> Gpt2::forward(Scope<float>, const Var<float>&) const;
template Var<double> Gpt2::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
