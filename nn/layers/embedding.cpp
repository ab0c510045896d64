#include "nn/layers/embedding.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/embedding.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent::nn {
namespace {

void check(const char* who, std::size_t rows, std::size_t features) {
  if (rows == 0 || features == 0)
    throw shape_error(std::string("[") + who + "] a weight of " + to_string(Shape{rows, features}) +
                      ". Both extents must be at least 1.");
}

Initializer initializer(const EmbeddingOptions& o) {
  return normal(o.parameterization == Parameterization::ntk ? 1.0 : o.deviation);
}

template <class T>
Var<T> scaled(const EmbeddingOptions& o, const Var<T>& rows) {
  return o.parameterization == Parameterization::ntk && o.sigma_w != 1.0 ? rows * o.sigma_w : rows;
}

}  // namespace

Embedding::Embedding(std::size_t vocabulary, std::size_t features, EmbeddingOptions options)
    : vocabulary_(vocabulary), features_(features), options_(options) {
  check("Embedding", vocabulary, features);
}

void Embedding::parameters(Declaration& declare) const {
  declare("weight", {vocabulary_, features_}, initializer(options_));
}

template <class T>
Var<T> Embedding::forward(Scope<T> p, const Var<T>& x) const {
  return scaled(options_, embedding(x, p("weight")));
}

PositionalEmbedding::PositionalEmbedding(std::size_t length, std::size_t features, EmbeddingOptions options)
    : length_(length), features_(features), options_(options) {
  check("PositionalEmbedding", length, features);
}

void PositionalEmbedding::parameters(Declaration& declare) const {
  declare("weight", {length_, features_}, initializer(options_));
}

// Scales the sum and not the weight, so that per-example gradients keep their factored form.
template <class T>
Var<T> PositionalEmbedding::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 3 || x.shape()[1] > length_ || x.shape()[2] != features_)
    throw shape_error("[PositionalEmbedding] got " + to_string(x.shape()) + ". Expected (N, tokens, " +
                      std::to_string(features_) + ") with at most " + std::to_string(length_) + " tokens.");
  const std::size_t tokens = x.shape()[1];
  const Var<T> places = tokens == length_ ? p("weight") : slice(p("weight"), 0, 0, tokens);
  const bool scales = options_.parameterization == Parameterization::ntk && options_.sigma_w != 1.0;
  return scales ? (x * (1.0 / options_.sigma_w) + places) * options_.sigma_w : x + places;
}

#define XTANGENT_INSTANTIATE(T)                                      \
  template Var<T> Embedding::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> PositionalEmbedding::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
