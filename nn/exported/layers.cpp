// Products with weights, normalizations, and what else stands for a layer of its own.
#include <algorithm>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/einsum.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

// a b for arrays of at least one axis, whose other axes broadcast.
template <class T>
Tensor<T> product(Tensor<T> a, Tensor<T> b) {
  const bool row = a.rank() == 1, column = b.rank() == 1;
  if (row) a = reshaped(a, a.shape().prepended(1));
  if (column) b = reshaped(b, b.shape().joined(Shape{1}));
  Tensor<T> y{{}, Kind::floating};
  if (b.rank() == 2 && !b.per_example()) {  // as a layer, whose gradients are outer products
    y.value = linear(a.value, transpose(b.value));
  } else {
    const std::size_t rank = std::max(a.rank(), b.rank());
    y.value = matmul(lifted(a, rank), lifted(b, rank));
  }
  const Shape shape = y.shape();
  if (column && row) return reshaped(y, shape.slice(0, shape.rank() - 2));
  if (column) return reshaped(y, shape.slice(0, shape.rank() - 1));
  if (row) return reshaped(y, shape.slice(0, shape.rank() - 2).joined(Shape{shape.back()}));
  return y;
}

// beta self + alpha a b
template <class T>
Tensor<T> added_product(const Call<T>& c, const char* first, const char* second) {
  const Tensor<T> a = c.tensor(first), b = c.tensor(second);
  Tensor<T> x = c.tensor("self");
  if (b.rank() == 2 && !b.per_example() && x.rank() == 1 && !x.per_example() && c.number("alpha", 1) == 1 &&
      c.number("beta", 1) == 1)  // a layer with a bias
    return {linear(a.value, transpose(b.value), x.value)};
  Tensor<T> y = product(a, b);
  if (const double alpha = c.number("alpha", 1); alpha != 1) y.value = y.value * alpha;
  if (const double beta = c.number("beta", 1); beta != 1) x.value = x.value * beta;
  return {lifted(x, y.rank()) + y.value, Kind::floating};
}

template <class T>
Tensor<T> linear_layer(const Call<T>& c) {
  const Tensor<T> x = c.tensor("input"), w = c.tensor("weight");
  const auto b = c.tensor_or_none("bias");
  if (!w.per_example() && !(b && b->per_example())) return {linear(x.value, w.value, c.var_or_none("bias"))};
  Tensor<T> transposed = w;
  std::vector<std::size_t> order = w.per_example() ? std::vector<std::size_t>{0, 2, 1} : std::vector<std::size_t>{1, 0};
  transposed.value = transpose(w.value, order);
  const Tensor<T> y = product(x, transposed);
  if (!b) return y;
  return {y.value + lifted(*b, y.rank())};
}

// f of x (N, C, ...), where the graph has (batch, C, ...): with one entry on its axis of the batch, or for each entry.
template <class T, class F>
Tensor<T> on_batch(const Tensor<T>& x, const F& f) {
  if (!x.per_example()) return {f(x.value)};
  const Shape shape = x.shape(), one = shape.slice(1, shape.rank());
  const std::size_t n = x.value.shape().front();
  const auto with = [&](const Var<T>& v) {
    const Var<T> y = f(reshape(v, one.prepended(n)));
    return reshape(y, y.shape().slice(1, y.rank()).prepended(1).prepended(n));
  };
  if (shape.front() == 1) return {with(x.value)};
  std::vector<Var<T>> parts;
  for (std::size_t i = 0; i < shape.front(); ++i) parts.push_back(with(slice(x.value, 1, i, i + 1)));
  return {concatenate<T>(parts, 1)};
}

template <class T>
Tensor<T> layer_normalized(const Call<T>& c) {
  Tensor<T> x = c.tensor("input");
  x.value = layer_norm(x.value, c.shape("normalized_shape"), c.var_or_none("weight"), c.var_or_none("bias"),
                       c.number("eps", 1e-5));
  return x;
}

template <class T>
Tensor<T> group_normalized(const Call<T>& c, const char* groups) {
  return on_batch(c.tensor("input"), [&](const Var<T>& x) {
    return group_norm(x, static_cast<std::size_t>(c.integer(groups)), c.var_or_none("weight"), c.var_or_none("bias"),
                      c.number("eps", 1e-5));
  });
}

// What the ops of decomposed programs return: the result, and a mean and a deviation that only a backward pass reads.
template <class T>
Values<T> without_statistics(const Tensor<T>& y) {
  return {y, Value<T>(), Value<T>()};
}

template <class T>
ChannelStatistics<T> running_statistics(const Call<T>& c) {
  return {c.tensor("running_mean").value.value(), c.tensor("running_var").value.value()};
}

template <class T>
Tensor<T> batch_normalized(const Call<T>& c) {
  if (c.boolean("training", false)) c.refuse("in training mode: call model.eval() before torch.export.export");
  if (!c.has("running_mean")) c.refuse("without running statistics, which mixes examples");
  return on_batch(c.tensor("input"), [&](const Var<T>& x) {
    return frozen_batch_norm(x, running_statistics(c), c.var_or_none("weight"), c.var_or_none("bias"),
                             c.number("eps", 1e-5));
  });
}

template <class T>
Tensor<T> instance_normalized(const Call<T>& c) {
  return on_batch(c.tensor("input"), [&](const Var<T>& x) {
    if (c.boolean("use_input_stats", true))
      return group_norm(x, x.shape()[1], c.var_or_none("weight"), c.var_or_none("bias"), c.number("eps", 1e-5));
    return frozen_batch_norm(x, running_statistics(c), c.var_or_none("weight"), c.var_or_none("bias"),
                             c.number("eps", 1e-5));
  });
}

template <class T>
Tensor<T> root_mean_square_normalized(const Call<T>& c) {
  const Tensor<T> x = c.tensor("input");
  std::vector<long> axes;
  for (std::size_t i = c.integers("normalized_shape").size(); i > 0; --i) axes.push_back(-static_cast<long>(i));
  // PyTorch's default is the spacing of numbers at 1 in the type of x, which here is that of the parameters.
  const double epsilon = c.number("eps", std::numeric_limits<T>::epsilon());
  const Var<T> y = x.value * pow(mean(square(x.value), axes, true) + epsilon, -0.5);
  return {c.has("weight") ? y * c.tensor("weight").value : y};
}

// v g / |v|, with the norm over all axes but one
template <class T>
Tensor<T> weight_normalized(const Call<T>& c) {
  const Tensor<T> v = c.tensor("v");
  const std::int64_t dim = c.integer("dim", 0);  // -1: one norm over all axes
  std::vector<long> axes;
  for (long axis = 0; axis < static_cast<long>(v.rank()); ++axis)
    if (axis != dim) axes.push_back(axis);
  return {v.value * (c.tensor("g").value / sqrt(sum(square(v.value), axes, true)))};
}

// The letters of an equation, with one more for the examples in front of the operands that depend on them.
template <class T>
Tensor<T> summed_products(const Call<T>& c) {
  std::string equation = c.text("equation", "");
  equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
  const std::vector<Tensor<T>> operands = c.tensors("tensors");
  const std::size_t arrow = equation.find("->");
  std::string left = equation.substr(0, arrow), right;
  if (arrow != std::string::npos) {
    right = equation.substr(arrow + 2);
  } else {
    if (left.find("...") != std::string::npos) right = "...";
    for (char letter = 'A'; letter <= 'z'; ++letter)
      if (std::count(left.begin(), left.end(), letter) == 1) right += letter;
  }
  char mark = 'a';
  while (left.find(mark) != std::string::npos) mark = mark == 'z' ? 'A' : static_cast<char>(mark + 1);
  std::string all;
  std::vector<Var<T>> values;
  std::size_t begin = 0;
  for (const Tensor<T>& operand : operands) {
    const std::size_t end = std::min(left.find(',', begin), left.size());
    if (!all.empty()) all += ',';
    if (operand.per_example()) all += mark;
    all += left.substr(begin, end - begin);
    values.push_back(operand.value);
    begin = end + 1;
  }
  const bool any = std::any_of(operands.begin(), operands.end(), [](const Tensor<T>& t) { return t.per_example(); });
  all += "->";
  if (any) all += mark;
  return {einsum(all + right, values)};
}

}  // namespace

void add_layers(Table& table) {
  add(table, {"linear"}, [](const auto& c) { return linear_layer(c); });
  add(table, {"matmul", "bmm", "mm", "mv", "dot"}, [](const auto& c) {
    const char* second = c.has("mat2") ? "mat2" : c.has("vec") ? "vec" : c.has("tensor") ? "tensor" : "other";
    return product(c.tensor("self"), c.tensor(second));
  });
  add(table, {"addmm"}, [](const auto& c) { return added_product(c, "mat1", "mat2"); });
  add(table, {"baddbmm"}, [](const auto& c) { return added_product(c, "batch1", "batch2"); });
  add(table, {"einsum"}, [](const auto& c) { return summed_products(c); });
  add(table, {"layer_norm"}, [](const auto& c) { return layer_normalized(c); });
  add(table, {"group_norm"}, [](const auto& c) { return group_normalized(c, "num_groups"); });
  add(table, {"batch_norm"}, [](const auto& c) { return batch_normalized(c); });
  add(table, {"native_layer_norm"}, [](const auto& c) { return without_statistics(layer_normalized(c)); });
  add(table, {"native_group_norm"}, [](const auto& c) { return without_statistics(group_normalized(c, "group")); });
  add(table, {"_native_batch_norm_legit_no_training"},
      [](const auto& c) { return without_statistics(batch_normalized(c)); });
  add(table, {"instance_norm"}, [](const auto& c) { return instance_normalized(c); });
  add(table, {"rms_norm"}, [](const auto& c) { return root_mean_square_normalized(c); });
  add(table, {"_weight_norm"}, [](const auto& c) { return weight_normalized(c); });
}

}  // namespace xtangent::nn::exported
