#include "nn/models/vit.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/width.hpp"

namespace xtangent::nn {
namespace {

// Everything after the class token. The vectors for the positions are a parameter of this module, as in torchvision.
class Encoder : public Module<Encoder> {
 public:
  Encoder(std::size_t tokens, const VitOptions& o) : tokens_(tokens), features_(o.features), body_(layers(o)) {}

  void parameters(Declaration& declare) const { declare("pos_embedding", {1, tokens_, features_}, normal(0.02)); }
  void children(Declaration& visit) const { body_.children(visit); }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return body_.forward(p, x + reshape(p("pos_embedding"), {tokens_, features_}));
  }

 private:
  static Named layers(const VitOptions& o) {
    Named blocks;
    for (std::size_t i = 0; i < o.layers; ++i)
      blocks.emplace_back(
          "encoder_layer_" + std::to_string(i),
          TransformerBlock(o.features,
                           {.heads = o.heads, .hidden = o.hidden, .dropout = o.dropout, .weights = o.weights}));
    return {{"dropout", Dropout{o.dropout}},
            {"layers", sequential(std::move(blocks))},
            {"ln", LayerNorm{o.features, {.epsilon = 1e-6}}}};
  }

  std::size_t tokens_, features_;
  Sequential body_;
};

VitOptions scaled(VitOptions o) {
  if (o.patch == 0 || o.image == 0 || o.image % o.patch != 0)
    throw shape_error("[vit] patches of " + std::to_string(o.patch) + " pixels do not divide images of " +
                      std::to_string(o.image) + ".");
  if (o.layers == 0 || o.heads == 0)
    throw option_error("[vit] " + std::to_string(o.layers) + " layers and " + std::to_string(o.heads) +
                       " heads. Both must be at least 1.");
  o.features = scaled_width("vit", o.features, o.width, o.heads);
  o.hidden = scaled_width("vit", o.hidden, o.width);
  return o;
}

}  // namespace

TransformerBlock::TransformerBlock(std::size_t features, const Options& o)
    : ln_1_(LayerNorm{features, {.epsilon = o.epsilon}}),
      attention_(
          MultiheadAttention{features, o.heads, {.dropout = o.dropout, .causal = o.causal, .weights = o.weights}}),
      dropout_(Dropout{o.dropout}),
      ln_2_(LayerNorm{features, {.epsilon = o.epsilon}}),
      mlp_(sequential(Linear{features, o.hidden, o.weights}, Gelu{}, Dropout{o.dropout},
                      Linear{o.hidden, features, o.weights}, Dropout{o.dropout})) {}

void TransformerBlock::children(Declaration& visit) const {
  visit("ln_1", *ln_1_);
  visit("self_attention", *attention_);
  visit("dropout", *dropout_);
  visit("ln_2", *ln_2_);
  visit("mlp", *mlp_);
}

template <class T>
Var<T> TransformerBlock::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> attended = (*attention_)(p["self_attention"], (*ln_1_)(p["ln_1"], x));
  const Var<T> y = x + (*dropout_)(p["dropout"], attended);
  return y + (*mlp_)(p["mlp"], (*ln_2_)(p["ln_2"], y));
}

Vit::Vit(VitOptions options)
    : options_(scaled(options)),
      patches_(Named{
          {"conv_proj",
           Conv2d{options_.channels, options_.features, options_.patch, {.stride = options_.patch}, options_.weights}},
          {"tokens", Tokens{}}}),
      encoder_(Named{
          {"encoder", Encoder{1 + (options_.image / options_.patch) * (options_.image / options_.patch), options_}}}),
      heads_(Named{
          {"heads", sequential(Named{{"head", Linear{options_.features, options_.classes, options_.weights}}})}}) {}

void Vit::parameters(Declaration& declare) const { declare("class_token", {1, 1, options_.features}, normal(0.02)); }

void Vit::children(Declaration& visit) const {
  patches_.children(visit);
  encoder_.children(visit);
  heads_.children(visit);
}

template <class T>
Var<T> Vit::forward(Scope<T> p, const Var<T>& x) const {
  const Shape expected{options_.channels, options_.image, options_.image};
  if (x.rank() != 4 || !(x.shape().slice(1, 4) == expected))
    throw shape_error("[vit] got " + to_string(x.shape()) + ". Expected images " + to_string(expected) + ".");
  const std::size_t n = x.shape()[0];
  const Var<T> blank(Array<T>::zeros({n, 1, options_.features}), x.examples());
  const Var<T> parts[] = {blank + reshape(p("class_token"), {options_.features}), patches_.forward(p, x)};
  const Var<T> tokens = encoder_.forward(p, concatenate<T>(parts, 1), patches_.size());
  const Var<T> first = reshape(slice(tokens, 1, 0, 1), {n, options_.features});
  return heads_.forward(p, first, patches_.size() + encoder_.size());
}

#define XTANGENT_INSTANTIATE(T)                                             \
  template Var<T> TransformerBlock::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> Vit::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
