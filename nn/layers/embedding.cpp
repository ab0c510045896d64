#include "nn/layers/embedding.hpp"

#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/embedding.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"

namespace xtangent::nn {
namespace {

void check(const char* who, std::size_t rows, std::size_t features, const EmbeddingOptions& options) {
  if (rows == 0 || features == 0)
    throw shape_error(std::string("[") + who + "] a weight of " + to_string(Shape{rows, features}) +
                      ". Both extents must be at least 1.");
  if (options.padding_idx && *options.padding_idx >= rows)
    throw option_error(std::string("[") + who + "] padding_idx " + std::to_string(*options.padding_idx) + " of " +
                       std::to_string(rows) + " tokens.");
}

Initializer initializer(const EmbeddingOptions& o) {
  Initializer rows = normal(o.parameterization == Parameterization::ntk ? 1.0 : o.deviation);
  rows.zero_row = o.padding_idx;
  return rows;
}

// 1 where a token is not the padding, else 0, in the shape of the tokens.
template <class T>
Var<T> counted(const Var<T>& tokens, std::size_t padding) {
  return step(abs(tokens - static_cast<double>(padding)) - 0.5);
}

template <class T>
Var<T> with_axis(const Var<T>& x) {
  return reshape(x, x.shape().joined({1}));
}

template <class T>
Var<T> scaled(const EmbeddingOptions& o, const Var<T>& rows) {
  return o.parameterization == Parameterization::ntk && o.sigma_w != 1.0 ? rows * o.sigma_w : rows;
}

}  // namespace

Embedding::Embedding(std::size_t vocabulary, std::size_t features, EmbeddingOptions options)
    : vocabulary_(vocabulary), features_(features), options_(options) {
  check("Embedding", vocabulary, features, options);
}

void Embedding::parameters(Declaration& declare) const {
  declare("weight", {vocabulary_, features_}, initializer(options_));
}

template <class T>
Var<T> Embedding::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T>& weight = p("weight");
  const Var<T> rows = embedding(x, weight);
  if (!options_.padding_idx) return scaled(options_, rows);
  const Var<T> keep = with_axis(counted(x, *options_.padding_idx));
  const Var<T> constant =
      reshape(slice(weight.detached(), 0, *options_.padding_idx, *options_.padding_idx + 1), {features_});
  return scaled(options_, rows * keep + (1.0 - keep) * constant);
}

EmbeddingBag::EmbeddingBag(std::size_t vocabulary, std::size_t features, EmbeddingBagOptions options)
    : vocabulary_(vocabulary), features_(features), options_(options) {
  check("EmbeddingBag", vocabulary, features, options.embedding);
}

void EmbeddingBag::parameters(Declaration& declare) const {
  declare("weight", {vocabulary_, features_}, initializer(options_.embedding));
}

template <class T>
Var<T> EmbeddingBag::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 2 || x.shape()[1] == 0)
    throw shape_error("[EmbeddingBag] got " + to_string(x.shape()) + ". Expected (N, tokens) with at least one token.");
  const bool averages = options_.mode == BagMode::mean;
  const Var<T> rows = embedding(x, p("weight"));
  const std::optional<std::size_t>& padding = options_.embedding.padding_idx;
  if (options_.mode == BagMode::max) {
    if (!padding) return scaled(options_.embedding, max(rows, 1));
    const Var<T> keep = counted(x, *padding);
    const Var<T> shown = where(with_axis(keep), rows, Var<T>(Array<T>::scalar(T(-1e30))));
    return scaled(options_.embedding, max(shown, 1) * max(keep, 1, true));  // 0 for a bag of padding alone
  }
  if (!padding) return scaled(options_.embedding, averages ? mean(rows, {1}) : sum(rows, {1}));
  const Var<T> keep = counted(x, *padding), total = sum(rows * with_axis(keep), {1});
  if (!averages) return scaled(options_.embedding, total);
  const Var<T> one(Array<T>::scalar(T(1)));
  return scaled(options_.embedding, total / maximum(one, sum(keep, {1}, true)));
}

PositionalEmbedding::PositionalEmbedding(std::size_t length, std::size_t features, EmbeddingOptions options)
    : length_(length), features_(features), options_(options) {
  check("PositionalEmbedding", length, features, options);
  if (options.padding_idx) throw option_error("[PositionalEmbedding] padding_idx is for tokens. Leave it out.");
}

void PositionalEmbedding::parameters(Declaration& declare) const {
  declare("weight", {length_, features_}, initializer(options_));
}

// The first rows of a weight, as the rows that every example picks: unlike a slice of the weight they have a factored
// gradient.
template <class T>
Var<T> first_rows(const Var<T>& weight, const Var<T>& x, std::size_t tokens) {
  std::vector<T> places(x.shape()[0] * tokens);
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<T>(i % tokens);
  return embedding(Var<T>(Array<T>::from({x.shape()[0], tokens}, places), x.examples()), weight);
}

// Scales the sum and not the weight, so that per-example gradients keep their factored form.
template <class T>
Var<T> PositionalEmbedding::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 3 || x.shape()[1] > length_ || x.shape()[2] != features_)
    throw shape_error("[PositionalEmbedding] got " + to_string(x.shape()) + ". Expected (N, tokens, " +
                      std::to_string(features_) + ") with at most " + std::to_string(length_) + " tokens.");
  const std::size_t tokens = x.shape()[1];
  const Var<T> places = tokens == length_ ? p("weight") : first_rows(p("weight"), x, tokens);
  const bool scales = options_.parameterization == Parameterization::ntk && options_.sigma_w != 1.0;
  return scales ? (x * (1.0 / options_.sigma_w) + places) * options_.sigma_w : x + places;
}

#define XTANGENT_INSTANTIATE(T)                                         \
  template Var<T> Embedding::forward(Scope<T>, const Var<T>&) const;    \
  template Var<T> EmbeddingBag::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> PositionalEmbedding::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
