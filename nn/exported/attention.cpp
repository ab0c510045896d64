// Scaled dot-product attention, which networks of PyTorch call as one function.
#include <algorithm>
#include <cmath>
#include <limits>

#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

constexpr double left_out = -1e30;  // a score that softmax makes 0

// What a mask (S, L) of queries and keys adds to scores. It leaves keys out where it is false, or minus infinity.
template <class T>
Tensor<T> additive(const Tensor<T>& mask) {
  if (mask.kind == Kind::boolean) return {(mask.value - 1.0) * -left_out, Kind::floating};
  return {maximum(mask.value, Var<T>(Array<T>::scalar(static_cast<T>(left_out)))), Kind::floating};
}

// (S, 1): 1 for queries that have a key, and 0 for the others, whose results are 0.
template <class T>
Tensor<T> with_a_key(const Tensor<T>& mask) {
  const Array<T> values = mask.value.value();
  const Shape& s = values.shape();
  const std::size_t keys = s.back();
  const Shape shape = s.slice(0, s.rank() - 1).joined({1});
  if (values.unknown()) return {Var<T>(Array<T>::unknown(shape, values.unknown()), mask.value.examples())};
  const T none = mask.kind == Kind::boolean ? T(0) : -std::numeric_limits<T>::infinity();
  Array<T> out(shape);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T* row = values.data() + i * keys;
    out.mutable_data()[i] = std::any_of(row, row + keys, [&](T v) { return v != none; }) ? T(1) : T(0);
  }
  return {Var<T>(std::move(out), mask.value.examples())};
}

template <class T>
Var<T> causal(std::size_t queries, std::size_t keys) {
  Array<T> mask = Array<T>::zeros({queries, keys});
  for (std::size_t i = 0; i < queries; ++i)
    for (std::size_t j = i + 1; j < keys; ++j) mask.mutable_data()[i * keys + j] = static_cast<T>(left_out);
  return Var<T>(mask);
}

// Keys or values of fewer heads than there are queries: each serves several heads.
template <class T>
Tensor<T> repeated_heads(const Call<T>& c, const Tensor<T>& x, std::size_t heads) {
  const std::size_t own = x.shape().from_right(3);
  if (own == heads) return x;
  if (own == 0 || heads % own != 0)
    c.refuse("with " + std::to_string(own) + " heads of keys for " + std::to_string(heads));
  std::vector<std::size_t> index;
  for (std::size_t h = 0; h < heads; ++h) index.push_back(h / (heads / own));
  return {gather(x.value, -3, index), x.kind};
}

template <class T>
Tensor<T> attended(const Call<T>& c) {
  const Tensor<T> q = c.tensor("query");
  Tensor<T> k = c.tensor("key"), v = c.tensor("value");
  if (c.number("dropout_p", 0) > 0) c.refuse("with dropout: call model.eval() before torch.export.export");
  if (c.boolean("enable_gqa", false)) {
    k = repeated_heads(c, k, q.shape().from_right(3));
    v = repeated_heads(c, v, q.shape().from_right(3));
  }
  const double scale = c.number("scale", 1.0 / std::sqrt(static_cast<double>(q.shape().back())));
  std::size_t rank = std::max({q.rank(), k.rank(), v.rank()});
  Tensor<T> scores{matmul(lifted(q, rank) * scale, lifted(k, rank), {.transpose_b = true})};
  if (c.boolean("is_causal", false))
    scores.value = scores.value + causal<T>(q.shape().from_right(2), k.shape().from_right(2));
  if (const auto mask = c.tensor_or_none("attn_mask")) {
    const Tensor<T> added = additive(*mask);
    rank = std::max(rank, added.rank());
    scores.value = lifted(scores, rank) + lifted(added, rank);
    return {matmul(softmax(scores.value), lifted(v, rank)) * lifted(with_a_key(*mask), rank)};
  }
  return {matmul(softmax(scores.value), lifted(v, rank))};
}

}  // namespace

void add_attention(Table& table) {
  add(table, {"scaled_dot_product_attention"}, [](const auto& c) { return attended(c); });
}

}  // namespace xtangent::nn::exported
