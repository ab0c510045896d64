// Ops that pick elements by indices or masks.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/embedding.hpp"
#include "autodiff/ops/selection.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

// The whole numbers of an array that does not depend on the examples, negative ones counted from the end.
template <class T>
std::vector<std::size_t> indices(const Call<T>& c, const Tensor<T>& index, std::size_t extent) {
  if (index.per_example()) c.refuse("with an index that depends on the examples");
  const Array<T> values = index.value.value();
  std::vector<std::size_t> out(values.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T v = values[i] < 0 ? values[i] + static_cast<T>(extent) : values[i];
    if (!(v >= 0 && v < static_cast<T>(extent)))
      throw data_error("[" + c.node().op + "] index " + std::to_string(values[i]) + " of an axis of " +
                       std::to_string(extent) + ".");
    out[i] = static_cast<std::size_t>(v);
  }
  return out;
}

// x at the indices along one axis of the graph, which is replaced by the axes of the index.
template <class T>
Tensor<T> picked(const Call<T>& c, const Tensor<T>& x, std::size_t axis, const Tensor<T>& index) {
  const Shape shape = x.shape();
  const auto on = static_cast<long>(axis + (x.per_example() ? 1 : 0));
  const Tensor<T> rows{gather(x.value, on, indices(c, index, shape[axis])), x.kind};
  return reshaped(rows, shape.slice(0, axis).joined(index.shape()).joined(shape.slice(axis + 1, shape.rank())));
}

// The places where a mask is true, as one index for each of its axes.
template <class T>
std::vector<Tensor<T>> places(const Call<T>& c, const Tensor<T>& mask) {
  if (mask.per_example()) c.refuse("with a mask that depends on the examples: the number of results would, too");
  const Shape shape = mask.shape();
  const Array<T> values = mask.value.value();
  std::vector<std::vector<T>> at(shape.rank());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    std::size_t rest = i;
    for (std::size_t axis = shape.rank(); axis-- > 0; rest /= shape[axis])
      at[axis].push_back(static_cast<T>(rest % shape[axis]));
  }
  std::vector<Tensor<T>> out;
  for (const std::vector<T>& v : at) out.push_back({Var<T>(Array<T>::from({v.size()}, v)), Kind::integer});
  return out;
}

// x[index0, index1, ...] with None for axes that stay, by NumPy's rules: the axes of the indices, which broadcast,
// stand where the first of them stood if they are neighbours, and in front otherwise.
template <class T>
Tensor<T> indexed(const Call<T>& c) {
  Tensor<T> x = c.tensor("self");
  std::vector<std::optional<Tensor<T>>> index;
  const auto* list = std::get_if<Values<T>>(&c.find("indices")->what);
  if (!list) c.refuse("with 'indices' that are no list");
  for (const Value<T>& item : *list) {
    if (item.none()) {
      index.push_back(std::nullopt);
    } else if (item.tensor()->kind == Kind::boolean) {
      for (const Tensor<T>& place : places(c, *item.tensor())) index.push_back(place);
    } else {
      index.push_back(*item.tensor());
    }
  }
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < index.size(); ++i)
    if (index[i]) axes.push_back(i);
  if (axes.empty()) return x;
  // A row for each example and index: what Embedding does, spelled as an index.
  if (axes.size() == 1 && axes[0] == 0 && index[0]->per_example() && !x.per_example()) {
    const Shape shape = x.shape();
    const Tensor<T> rows{embedding(index[0]->value, reshape(x.value, {shape[0], shape.size() / shape[0]})), x.kind};
    return reshaped(rows, index[0]->shape().joined(shape.slice(1, shape.rank())));
  }
  if (axes.size() == 1) return picked(c, x, axes[0], *index[axes[0]]);
  // Several indices are one into the axes that they name, merged.
  Shape shape = x.shape();
  Shape common;
  for (std::size_t axis : axes) common = broadcast_shapes(common, index[axis]->shape(), "index");
  std::vector<std::size_t> flat(common.size(), 0);
  for (std::size_t axis : axes) {
    const std::vector<std::size_t> here = indices(c, expanded(*index[axis], common), shape[axis]);
    for (std::size_t i = 0; i < flat.size(); ++i) flat[i] = flat[i] * shape[axis] + here[i];
  }
  const bool neighbours = axes.back() - axes.front() + 1 == axes.size();
  const std::size_t first = x.per_example() ? 1 : 0, at = neighbours ? axes.front() : 0;
  if (!neighbours) {  // the axes of the indices come to the front
    std::vector<std::size_t> order(first);
    std::iota(order.begin(), order.end(), std::size_t(0));
    for (std::size_t axis : axes) order.push_back(first + axis);
    for (std::size_t i = 0; i < shape.rank(); ++i)
      if (std::find(axes.begin(), axes.end(), i) == axes.end()) order.push_back(first + i);
    x.value = transpose(x.value, order);
    shape = x.shape();
  }
  const Shape before = shape.slice(0, at), merged = shape.slice(at, at + axes.size()),
              behind = shape.slice(at + axes.size(), shape.rank());
  const Tensor<T> rows = reshaped(x, before.joined(Shape{merged.size()}).joined(behind));
  const Tensor<T> out{gather(rows.value, static_cast<long>(at + first), flat), x.kind};
  return reshaped(out, before.joined(common).joined(behind));
}

template <class T>
Tensor<T> triangle(const Tensor<T>& x, std::int64_t diagonal, bool lower) {
  if (x.rank() < 2) throw shape_error("[triangle] got " + to_string(x.shape()) + ", which is no matrix.");
  const std::size_t rows = x.shape().from_right(2), columns = x.shape().back();
  Array<T> keep({rows, columns});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const std::int64_t offset = static_cast<std::int64_t>(j) - static_cast<std::int64_t>(i);
      keep.mutable_data()[i * columns + j] = (lower ? offset <= diagonal : offset >= diagonal) ? T(1) : T(0);
    }
  if (x.value.is_constant() && !x.value.value().unknown()) {  // such as a mask of -infinity, which 0 does not erase
    Array<T> out = x.value.value().clone();
    for (std::size_t i = 0; i < out.size(); ++i)
      if (keep[i % keep.size()] == 0) out.mutable_data()[i] = 0;
    return {Var<T>(out, x.value.examples()), x.kind};
  }
  return {x.value * Var<T>(keep), x.kind};
}

// The row of padding_idx has no derivative, as in PyTorch.
template <class T>
Tensor<T> embedded(const Call<T>& c) {
  const Tensor<T> weight = c.tensor("weight"), index = c.tensor("indices");
  const std::int64_t padding = c.integer("padding_idx", -1);
  if (c.boolean("scale_grad_by_freq", false)) c.refuse("with scale_grad_by_freq");
  if (!index.per_example()) {
    if (padding < 0) return picked(c, weight, 0, index);
    const auto row = static_cast<std::size_t>(padding);
    const Var<T> rows = weight.value;
    const std::vector<Var<T>> parts = {slice(rows, 0, 0, row), slice(rows, 0, row, row + 1).detached(),
                                       slice(rows, 0, row + 1, rows.shape()[0])};
    std::vector<Var<T>> there;
    for (const Var<T>& part : parts)
      if (part.size() > 0) there.push_back(part);
    return picked(c, Tensor<T>{concatenate<T>(there, 0), weight.kind}, 0, index);
  }
  const Var<T> rows = embedding(index.value, weight.value);
  if (padding < 0) return {rows, weight.kind};
  const auto row = static_cast<std::size_t>(padding);
  const Var<T> keep = step(abs(index.value - static_cast<double>(padding)) - 0.5);  // 0 at the padding
  const Var<T> mask = reshape(keep, keep.shape().joined(Shape{1}));
  const Var<T> fixed = reshape(slice(weight.value.detached(), 0, row, row + 1), {weight.shape().back()});
  return {rows * mask + fixed * (1.0 - mask), weight.kind};
}

}  // namespace

void add_selections(Table& table) {
  add(table, {"embedding"}, [](const auto& c) { return embedded(c); });
  add(table, {"index"}, [](const auto& c) { return indexed(c); });
  add(table, {"index_select"}, [](const auto& c) {
    const auto x = c.tensor("self");
    return picked(c, x, graph_axis(x, c.integer("dim")), c.tensor("index"));
  });
  add(table, {"gather"}, [](const auto& c) {
    auto x = c.tensor("self");
    const auto index = c.tensor("index");
    if (!x.per_example() && !index.per_example()) {
      x.value = gather(x.value, static_cast<long>(axis_of(x, c.integer("dim"))), index.value);
      return x;
    }
    const std::size_t n = (x.per_example() ? x : index).value.shape().front();
    auto all = x;
    all.value = with_examples(x, n);
    x.value = gather(all.value, static_cast<long>(axis_of(all, c.integer("dim"))), with_examples(index, n));
    return x;
  });
  add(table, {"where"}, [](const auto& c) {
    const auto mask = c.tensor("condition"), a = c.tensor("self"), b = c.tensor("other");
    const std::size_t rank = std::max({mask.rank(), a.rank(), b.rank()});
    auto out = a;
    out.value = where(lifted(mask, rank), lifted(a, rank), lifted(b, rank));
    out.kind = std::max(a.kind, b.kind);
    return out;
  });
  add(table, {"masked_fill"}, [](const auto& c) {
    auto x = c.tensor("self");
    const auto mask = c.tensor("mask"), value = c.tensor("value");
    const std::size_t rank = std::max(x.rank(), mask.rank());
    x.value = where(lifted(mask, rank), lifted(value, rank), lifted(x, rank));
    return x;
  });
  add(table, {"tril"}, [](const auto& c) { return triangle(c.tensor("self"), c.integer("diagonal", 0), true); });
  add(table, {"triu"}, [](const auto& c) { return triangle(c.tensor("self"), c.integer("diagonal", 0), false); });
  add(table, {"one_hot"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const std::int64_t classes = c.integer("num_classes", -1);
    if (classes < 1) c.refuse("without a number of classes");
    const auto k = static_cast<std::size_t>(classes);
    auto rows = Array<element_of<decltype(c)>>::zeros({k, k});
    for (std::size_t i = 0; i < k; ++i) rows.mutable_data()[i * k + i] = 1;
    auto eye = x;
    eye.value = {rows};
    eye.kind = Kind::integer;
    if (!x.per_example()) return picked(c, eye, 0, x);
    eye.value = embedding(x.value, eye.value);
    return eye;
  });
}

}  // namespace xtangent::nn::exported
