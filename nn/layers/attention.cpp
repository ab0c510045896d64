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

constexpr double left_out = -1e30;  // a score that softmax makes 0

WeightOptions projection(WeightOptions weights) {
  weights.initialization = Initialization::pytorch_zero_bias;
  return weights;
}

AttentionOptions completed(AttentionOptions options, std::size_t features) {
  if (options.kdim == 0) options.kdim = features;
  if (options.vdim == 0) options.vdim = features;
  return options;
}

// A mask to add, which leaves out the keys behind a query.
template <class T>
Var<T> causal_mask(std::size_t queries, std::size_t keys) {
  std::vector<T> row(queries), column(keys);
  std::iota(row.begin(), row.end(), T(0));
  std::iota(column.begin(), column.end(), T(0));
  const Var<T> places(Array<T>::from({1, keys}, column));
  return step(places - Var<T>(Array<T>::from({queries, 1}, row))) * left_out;
}

// q k^T / sqrt(d), (..., S, L)
template <class T>
Var<T> scores_of(const Var<T>& q, const Var<T>& k, bool causal) {
  if (q.rank() < 2 || k.rank() < 2)
    throw shape_error("[attention] queries " + to_string(q.shape()) + " and keys " + to_string(k.shape()) +
                      " need axes of tokens and features.");
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.shape().back()));
  const Var<T> scores = matmul(q * scale, k, {.transpose_b = true});
  return causal ? scores + causal_mask<T>(scores.shape().from_right(2), scores.shape().back()) : scores;
}

// A mask of pairs in a shape that broadcasts to scores (N, heads, S, L).
template <class T>
Var<T> of_pairs(const Var<T>& mask, const Shape& scores, const char* name) {
  const std::size_t n = scores[0], queries = scores[2], keys = scores[3];
  const Shape& shape = mask.shape();
  if (shape == Shape{n, queries, keys}) return reshape(mask, {n, 1, queries, keys});
  if (!(shape == Shape{queries, keys}) && !(shape == scores))
    throw shape_error(std::string("[attention] ") + name + " of " + to_string(shape) + " for scores " +
                      to_string(scores) + ". Expected (S, L), (N, S, L) or (N, heads, S, L).");
  return mask;
}

// Adds the masks to scores (N, heads, S, L).
template <class T>
Var<T> masked(Var<T> scores, const AttentionMasks<T>& masks) {
  const Shape all = scores.shape();
  const std::size_t n = all[0], keys = all[3];
  if (masks.attn_mask.defined())  // minus infinity becomes a number, so that a query without any key gets no NaN
    scores = scores + maximum(of_pairs(masks.attn_mask, all, "an attn_mask"),
                              Var<T>(Array<T>::scalar(static_cast<T>(left_out))), Ties::first);
  if (masks.bool_attn_mask.defined())
    scores = scores + step(abs(of_pairs(masks.bool_attn_mask, all, "a bool_attn_mask"))) * left_out;
  if (masks.key_padding_mask.defined()) {
    if (!(masks.key_padding_mask.shape() == Shape{n, keys}))
      throw shape_error("[attention] a key_padding_mask of " + to_string(masks.key_padding_mask.shape()) +
                        ". Expected (N, L) = " + to_string(Shape{n, keys}) + ".");
    scores = scores + reshape(step(abs(masks.key_padding_mask)) * left_out, {n, 1, 1, keys});
  }
  return scores;
}

// (N, tokens, F) to (N, heads, tokens, F / heads)
template <class T>
Var<T> heads_of(const Var<T>& x, std::size_t heads) {
  const Shape& s = x.shape();
  return transpose(reshape(x, {s[0], s[1], heads, s[2] / heads}), {0, 2, 1, 3});
}

template <class T>
bool same_node(const Var<T>& a, const Var<T>& b) {
  return a.on_tape() && b.on_tape() && a.record() == b.record() && a.position() == b.position();
}

}  // namespace

template <class T>
Var<T> padding_mask(const Var<T>& tokens, std::size_t padding_idx) {
  return 1.0 - step(abs(tokens - static_cast<double>(padding_idx)) - 0.5);
}

template <class T>
Var<T> attention(const Var<T>& q, const Var<T>& k, const Var<T>& v, bool causal) {
  return matmul(softmax(scores_of(q, k, causal)), v);
}

template <class T>
Var<T> attend_heads(Scope<T> p, std::size_t heads, const AttentionOptions& options, const Var<T>& q, const Var<T>& k,
                    const Var<T>& v, const AttentionMasks<T>& masks) {
  const bool fits = q.rank() == 3 && k.rank() == 3 && q.shape()[0] == k.shape()[0] && q.shape()[2] == k.shape()[2];
  if (!fits || heads == 0 || q.shape()[2] % heads != 0 || !(v.shape() == k.shape()))
    throw shape_error("[attention] queries " + to_string(q.shape()) + ", keys " + to_string(k.shape()) + ", values " +
                      to_string(v.shape()) + " and " + std::to_string(heads) +
                      " heads. Expected (N, S, F), (N, L, F), (N, L, F) and a divisor of F.");
  Var<T> queries = heads_of(q, heads), keys = heads_of(k, heads);
  if (options.rotary) {
    queries = rotary_embedding(queries, *options.rotary);
    keys = rotary_embedding(keys, *options.rotary);
  }
  Var<T> weights = softmax(masked(scores_of(queries, keys, options.causal), masks));
  if (p.training()) weights = dropout(weights, options.dropout, p.random());
  return reshape(transpose(matmul(weights, heads_of(v, heads)), {0, 2, 1, 3}), q.shape());
}

MultiheadAttention::MultiheadAttention(std::size_t features, std::size_t heads, AttentionOptions options)
    : features_(features),
      heads_(heads),
      options_(completed(options, features)),
      out_(features, features, projection(options.weights)) {
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
  const auto declare_part = [&](const char* name, std::size_t from) {
    declare(name, {features_, from}, weight_initializer(in, {from, features_}));
  };
  if (packed()) {
    declare("in_proj_weight", {3 * features_, features_}, weight_initializer(in, fan));
  } else {
    declare_part("q_proj_weight", features_);
    declare_part("k_proj_weight", options_.kdim);
    declare_part("v_proj_weight", options_.vdim);
  }
  if (has_bias(in)) declare("in_proj_bias", {3 * features_}, bias_initializer(in, fan));
}

// x times the weight of queries (0), keys (1) or values (2); for a packed weight times all of it, (N, tokens, 3 F).
template <class T>
Var<T> MultiheadAttention::projected(Scope<T> p, std::size_t part, const Var<T>& x) const {
  const std::size_t widths[] = {features_, options_.kdim, options_.vdim};
  static constexpr const char* names[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
  if (x.rank() != 3 || x.shape()[2] != widths[part])
    throw shape_error("[MultiheadAttention] got " + to_string(x.shape()) + ". Expected (N, tokens, " +
                      std::to_string(widths[part]) + ").");
  Var<T> bias = has_bias(options_.weights) ? p("in_proj_bias") : Var<T>();
  if (!packed() && bias.defined()) bias = slice(bias, 0, part * features_, (part + 1) * features_);
  return parameterized(options_.weights, widths[part], x, p(packed() ? "in_proj_weight" : names[part]), bias,
                       [](const auto& input, const auto& w, const auto& b) { return linear(input, w, b); });
}

template <class T>
Var<T> MultiheadAttention::attend(Scope<T> p, const Var<T>& query, const Var<T>& key, const Var<T>& value,
                                  const AttentionMasks<T>& masks) const {
  const Var<T> q = projected(p, 0, query);
  const Var<T> k = packed() && (&key == &query || same_node(key, query)) ? q : projected(p, 1, key);
  const Var<T> v = packed() && (&value == &key || same_node(value, key)) ? k : projected(p, 2, value);
  const auto part = [&](const Var<T>& all, std::size_t i) {
    return packed() ? slice(all, -1, i * features_, (i + 1) * features_) : all;
  };
  return out_(p["out_proj"], attend_heads(p, heads_, options_, part(q, 0), part(k, 1), part(v, 2), masks));
}

#define XTANGENT_INSTANTIATE(T)                                                                              \
  template Var<T> padding_mask(const Var<T>&, std::size_t);                                                  \
  template Var<T> attention(const Var<T>&, const Var<T>&, const Var<T>&, bool);                              \
  template Var<T> attend_heads(Scope<T>, std::size_t, const AttentionOptions&, const Var<T>&, const Var<T>&, \
                               const Var<T>&, const AttentionMasks<T>&);                                     \
  template Var<T> MultiheadAttention::attend(Scope<T>, const Var<T>&, const Var<T>&, const Var<T>&,          \
                                             const AttentionMasks<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
