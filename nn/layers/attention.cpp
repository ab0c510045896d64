#include "nn/layers/attention.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {
namespace {

WeightOptions projection(WeightOptions weights) {
  weights.initialization = Initialization::pytorch_zero_bias;
  return weights;
}

// A mask to add: 0, or for keys behind the query a number so small that softmax makes it 0.
template <class T>
Var<T> causal_mask(std::size_t queries, std::size_t keys) {
  std::vector<T> row(queries), column(keys);
  std::iota(row.begin(), row.end(), T(0));
  std::iota(column.begin(), column.end(), T(0));
  const Var<T> places(Array<T>::from({1, keys}, column));
  return step(places - Var<T>(Array<T>::from({queries, 1}, row))) * -1e30;
}

// The attention weights (..., S, L).
template <class T>
Var<T> attention_weights(const Var<T>& q, const Var<T>& k, bool causal) {
  if (q.rank() < 2 || k.rank() < 2)
    throw shape_error("[attention] queries " + to_string(q.shape()) + " and keys " + to_string(k.shape()) +
                      " need axes of tokens and features.");
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.shape().back()));
  const Var<T> scores = matmul(q * scale, k, {.transpose_b = true});
  return softmax(causal ? scores + causal_mask<T>(scores.shape().from_right(2), scores.shape().back()) : scores);
}

}  // namespace

template <class T>
Var<T> attention(const Var<T>& q, const Var<T>& k, const Var<T>& v, bool causal) {
  return matmul(attention_weights(q, k, causal), v);
}

MultiheadAttention::MultiheadAttention(std::size_t features, std::size_t heads, AttentionOptions options)
    : features_(features), heads_(heads), options_(options), out_(features, features, projection(options.weights)) {
  if (heads == 0 || features % heads != 0)
    throw shape_error("[MultiheadAttention] " + std::to_string(heads) + " heads do not divide " +
                      std::to_string(features) + " features.");
  if (!(options.dropout >= 0.0 && options.dropout <= 1.0))
    throw option_error("[MultiheadAttention] a dropout of " + std::to_string(options.dropout) +
                       ". It must lie in [0, 1].");
}

void MultiheadAttention::parameters(Declaration& declare) const {
  WeightOptions in = options_.weights;
  in.initialization = Initialization::xavier_uniform;
  const Fan fan{features_, 3 * features_};
  declare("in_proj_weight", {3 * features_, features_}, weight_initializer(in, fan));
  if (has_bias(in)) declare("in_proj_bias", {3 * features_}, bias_initializer(in, fan));
}

template <class T>
Var<T> MultiheadAttention::forward(Scope<T> p, const Var<T>& x) const {
  if (x.rank() != 3 || x.shape()[2] != features_)
    throw shape_error("[MultiheadAttention] got " + to_string(x.shape()) + ". Expected (N, tokens, " +
                      std::to_string(features_) + ").");
  const std::size_t n = x.shape()[0], tokens = x.shape()[1], each = features_ / heads_;
  const Var<T> bias = has_bias(options_.weights) ? p("in_proj_bias") : Var<T>();
  const Var<T> all = parameterized(options_.weights, features_, x, p("in_proj_weight"), bias,
                                   [](const auto& input, const auto& w, const auto& b) { return linear(input, w, b); });
  // (N, tokens, 3 features) to three times (N, heads, tokens, features / heads)
  const auto part = [&](std::size_t i) {
    const Var<T> one = slice(all, -1, i * features_, (i + 1) * features_);
    return transpose(reshape(one, {n, tokens, heads_, each}), {0, 2, 1, 3});
  };
  Var<T> weights = attention_weights(part(0), part(1), options_.causal);
  if (p.training()) weights = dropout(weights, options_.dropout, p.random());
  const Var<T> y = matmul(weights, part(2));
  return out_(p["out_proj"], reshape(transpose(y, {0, 2, 1, 3}), {n, tokens, features_}));
}

#define XTANGENT_INSTANTIATE(T)                                                 \
  template Var<T> attention(const Var<T>&, const Var<T>&, const Var<T>&, bool); \
  template Var<T> MultiheadAttention::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
