// Scaled dot-product attention, which networks of PyTorch call as one function.
#include <cmath>

#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

constexpr double left_out = -1e30;  // a score that softmax makes 0

// 0 where a mask (S, L) of queries and keys is true, and a score that leaves the key out elsewhere.
template <class T>
Tensor<T> additive(const Tensor<T>& mask) {
  if (mask.kind != Kind::boolean) return mask;
  return {(mask.value - 1.0) * -left_out, Kind::floating};
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
  }
  return {matmul(softmax(scores.value), lifted(v, rank))};
}

}  // namespace

void add_attention(Table& table) {
  add(table, {"scaled_dot_product_attention"}, [](const auto& c) { return attended(c); });
}

}  // namespace xtangent::nn::exported
