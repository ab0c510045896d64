#pragma once

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/embedding.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/linear.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/models/vit.hpp"
#include "nn/module.hpp"

/// Networks that use a weight many times, as peers/torch_shared.py has them, with the same parameters in the same
/// order.
namespace xtangent::benchmarks {

/// (N, steps, ...) at one step: (N, width).
template <class T>
Var<T> step_of(const Var<T>& x, std::size_t t) {
  return reshape(slice(x, 1, t, t + 1), {x.shape()[0], x.shape().back()});
}
/// Columns [i width, (i + 1) width).
template <class T>
Var<T> chunk(const Var<T>& x, std::size_t i, std::size_t width) {
  return slice(x, 1, i * width, (i + 1) * width);
}

/// What the two recurrent networks share: PyTorch's parameters of a cell with so many gates, and a head that reads the
/// last state.
struct Recurrent {
  std::size_t in = 32, features = 128, gates = 4;
  nn::Linear head{128, 10};

  void parameters(nn::Declaration& declare) const {
    const nn::Initializer weights = nn::normal(0.05);
    declare("weight_ih", {gates * features, in}, weights);
    declare("weight_hh", {gates * features, features}, weights);
    declare("bias_ih", {gates * features}, weights);
    declare("bias_hh", {gates * features}, weights);
  }
  void children(nn::Declaration& visit) const { visit("head", head); }
};

struct Lstm : Recurrent, nn::Module<Lstm> {
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> from_x = linear(x, p("weight_ih"), p("bias_ih"));
    Var<T> h = zeros_like(x, {x.shape()[0], features}), c = h;
    for (std::size_t t = 0; t < x.shape()[1]; ++t) {
      const Var<T> all = step_of(from_x, t) + linear(h, p("weight_hh"), p("bias_hh"));
      const Var<T> kept = sigmoid(chunk(all, 1, features)) * c;
      c = kept + sigmoid(chunk(all, 0, features)) * tanh(chunk(all, 2, features));
      h = sigmoid(chunk(all, 3, features)) * tanh(c);
    }
    return head(p["head"], h);
  }
};

struct Gru : Recurrent, nn::Module<Gru> {
  Gru() { gates = 3; }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> from_x = linear(x, p("weight_ih"), p("bias_ih"));
    Var<T> h = zeros_like(x, {x.shape()[0], features});
    for (std::size_t t = 0; t < x.shape()[1]; ++t) {
      const Var<T> in_x = step_of(from_x, t), in_h = linear(h, p("weight_hh"), p("bias_hh"));
      const Var<T> reset = sigmoid(chunk(in_x, 0, features) + chunk(in_h, 0, features));
      const Var<T> update = sigmoid(chunk(in_x, 1, features) + chunk(in_h, 1, features));
      const Var<T> fresh = tanh(chunk(in_x, 2, features) + reset * chunk(in_h, 2, features));
      h = fresh + update * (h - fresh);
    }
    return head(p["head"], h);
  }
};

/// A vision transformer whose six layers are one (as in ALBERT): 64 patches of 4 x 4, their mean read by the head.
struct SharedVit : nn::Module<SharedVit> {
  std::size_t layers = 6;
  nn::Linear patches{48, 64}, head{64, 10};
  nn::TransformerBlock block{64, {.heads = 4, .hidden = 128}};

  void children(nn::Declaration& visit) const {
    visit("patches", patches);
    visit("block", block);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> rows = reshape(x, {x.shape()[0], 3, 8, 4, 8, 4});
    Var<T> h = reshape(transpose(rows, {0, 2, 4, 1, 3, 5}), {x.shape()[0], 64, 48});
    h = patches(p["patches"], h);
    for (std::size_t i = 0; i < layers; ++i) h = block(p["block"], h);
    return head(p["head"], mean(h, {1}));
  }
};

/// A causal transformer over 32 tokens whose head is its embedding; logits of the last token.
struct TiedGpt : nn::Module<TiedGpt> {
  std::size_t tokens = 32, words = 1000, features = 64;
  nn::TransformerBlock first{64, {.heads = 4, .hidden = 256, .causal = true}},
      second{64, {.heads = 4, .hidden = 256, .causal = true}};

  void parameters(nn::Declaration& declare) const {
    declare("embedding", {words, features}, nn::normal(0.1));
    declare("positions", {tokens, features}, nn::normal(0.1));
  }
  void children(nn::Declaration& visit) const {
    visit("first", first);
    visit("second", second);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    Var<T> h = embedding(x, p("embedding")) + p("positions");
    h = second(p["second"], first(p["first"], h));
    return linear(step_of(h, tokens - 1), p("embedding"));
  }
};

/// Thirty steps of the fixed-point iteration of a deep equilibrium network.
struct UnrolledDeq : nn::Module<UnrolledDeq> {
  std::size_t steps = 30;
  nn::Linear input{784, 256}, inner{256, 256, {.bias = false}}, head{256, 10};

  void children(nn::Declaration& visit) const {
    visit("input", input);
    visit("inner", inner);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> u = input(p["input"], x);
    Var<T> z = tanh(u);
    for (std::size_t i = 1; i < steps; ++i) z = tanh(inner(p["inner"], z) + u);
    return head(p["head"], z);
  }
};

/// An autoencoder whose decoder is the transpose of its encoder.
struct TiedAutoencoder : nn::Module<TiedAutoencoder> {
  void parameters(nn::Declaration& declare) const {
    declare("outer", {256, 784}, nn::normal(0.05));
    declare("inner", {64, 256}, nn::normal(0.05));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> code = linear(tanh(linear(x, p("outer"))), p("inner"));
    return matmul(tanh(matmul(code, p("inner"))), p("outer"));
  }
};

}  // namespace xtangent::benchmarks
