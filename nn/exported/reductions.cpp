// Sums, means, maxima and softmax.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

// The axes of the value that a call reduces; all of the graph's if it names none.
template <class T>
std::vector<long> reduced_axes(const Call<T>& c, const Tensor<T>& x) {
  std::vector<std::int64_t> axes = c.has("dim") ? c.integers("dim") : std::vector<std::int64_t>{};
  if (axes.empty()) {
    axes.resize(x.rank());
    std::iota(axes.begin(), axes.end(), std::int64_t(0));
  }
  return axes_of(x, axes);
}

// The kind that is asked for. PyTorch converts elements before it adds them.
template <class T>
void convert_result(const Call<T>& c, Tensor<T>& x, Kind before) {
  if (!c.has("dtype")) return;
  x.kind = kind_of(c.integer("dtype"), "the result of " + c.node().op);
  if (before == Kind::floating && x.kind != Kind::floating) c.refuse("of numbers that are no whole ones to whole ones");
}

// `least` is the kind of the result where the array is of a lower one: sums of truth values are whole numbers.
template <class F>
void add_reduction(Table& table, std::initializer_list<const char*> names, Kind least, F f) {
  add(table, names, [f, least](const auto& c) {
    auto x = c.tensor("self");
    if (x.rank() > 0) {
      x.value = f(x.value, reduced_axes(c, x), c.boolean("keepdim", false), c);
    } else {  // a number of its own counts as an array of one element
      const Tensor<element_of<decltype(c)>> one = reshaped(x, {1});
      x.value = f(one.value, axes_of(one, std::vector<std::int64_t>{0}), false, c);
    }
    const auto before = x.kind;
    x.kind = std::max(x.kind, least);
    convert_result(c, x, before);
    return x;
  });
}

// The largest or smallest elements over these axes of a value; over none of them, the value as it is.
template <class T>
Var<T> extreme(const Var<T>& x, const std::vector<long>& axes, bool keepdims, bool largest) {
  if (axes.empty()) return x;
  return largest ? amax(x, axes, keepdims) : amin(x, axes, keepdims);
}

// The first places of the largest (sign 1) or smallest (-1) elements along an axis, as an array without a derivative.
template <class T>
Tensor<T> place_of_extreme(const Tensor<T>& x, std::size_t axis, bool keepdims, T sign) {
  const Array<T> values = x.value.value();
  Shape shape = values.shape();
  if (shape[axis] == 0)
    throw shape_error("[argmax] axis " + std::to_string(axis) + " of " + to_string(shape) + " is empty.");
  const std::size_t extent = shape[axis], behind = shape.slice(axis + 1, shape.rank()).size();
  shape[axis] = 1;
  const Shape result = keepdims ? shape : shape.slice(0, axis).joined(shape.slice(axis + 1, shape.rank()));
  if (values.unknown()) return {Var<T>(Array<T>::unknown(result, values.unknown()), x.value.examples()), Kind::integer};
  Array<T> out(result);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T* row = values.data() + (i / behind) * extent * behind + i % behind;
    std::size_t best = 0;
    for (std::size_t j = 1; j < extent && row[best * behind] == row[best * behind]; ++j)  // the first NaN wins
      if (!(sign * row[j * behind] <= sign * row[best * behind])) best = j;
    out.mutable_data()[i] = static_cast<T>(best);
  }
  return {Var<T>(out, x.value.examples()), Kind::integer};
}

template <class T>
double correction(const Call<T>& c) {
  if (c.has("correction")) return c.number("correction", 1);
  return c.boolean("unbiased", true) ? 1 : 0;
}

template <class T>
Var<T> corrected_variance(const Call<T>& c, const Var<T>& x, const std::vector<long>& axes, bool keepdims) {
  std::size_t count = 1;
  for (long axis : axes) count *= x.shape()[static_cast<std::size_t>(axis)];
  const auto n = static_cast<double>(count);
  const Var<T> y = variance(x, axes, {.keepdims = keepdims});
  const double by = correction(c);
  return by == 0 ? y : y * (n / (n - by));
}

void add_extremes(Table& table) {
  for (const bool largest : {true, false}) {
    const auto of = [largest](const auto& x, long axis, bool keep) {
      return largest ? max(x, axis, keep) : min(x, axis, keep);
    };
    add_reduction(
        table, {largest ? "amax" : "amin"}, Kind::integer,
        [largest](const auto& x, const auto& axes, bool keep, const auto&) { return extreme(x, axes, keep, largest); });
    add(table, {largest ? "max" : "min"}, [of, largest](const auto& c) {
      using T = element_of<decltype(c)>;
      const Tensor<T> x = c.tensor("self");
      if (c.has("other")) {
        const Tensor<T> y = c.tensor("other");
        return Value<T>(
            binary(x, y, [&](const Var<T>& a, const Var<T>& b) { return largest ? maximum(a, b) : minimum(a, b); }));
      }
      if (!c.has("dim")) return Value<T>(Tensor<T>{extreme(x.value, reduced_axes(c, x), false, largest), x.kind});
      const std::size_t axis = axis_of(x, c.integer("dim"));
      const bool keep = c.boolean("keepdim", false);
      return Value<T>(Values<T>{Tensor<T>{of(x.value, static_cast<long>(axis), keep), x.kind},
                                place_of_extreme(x, axis, keep, T(largest ? 1 : -1))});
    });
    add(table, {largest ? "argmax" : "argmin"}, [largest](const auto& c) {
      using T = element_of<decltype(c)>;
      const Tensor<T> x = c.tensor("self");
      const Tensor<T> of = c.has("dim") ? x : reshaped(x, {x.shape().size()});
      const std::size_t axis = axis_of(of, c.has("dim") ? c.integer("dim") : 0);
      return place_of_extreme(of, axis, c.boolean("keepdim", false), T(largest ? 1 : -1));
    });
  }
}

}  // namespace

void add_reductions(Table& table) {
  add_reduction(table, {"sum"}, Kind::integer,
                [](const auto& x, const auto& axes, bool keep, const auto&) { return sum(x, axes, keep); });
  add_reduction(table, {"mean"}, Kind::floating,
                [](const auto& x, const auto& axes, bool keep, const auto&) { return mean(x, axes, keep); });
  add_reduction(table, {"logsumexp"}, Kind::floating, [](const auto& x, const auto& axes, bool keep, const auto& c) {
    if (axes.size() != 1) c.refuse("over several axes");
    return logsumexp(x, axes.front(), keep);
  });
  add_reduction(table, {"var"}, Kind::floating, [](const auto& x, const auto& axes, bool keep, const auto& c) {
    return corrected_variance(c, x, axes, keep);
  });
  add_reduction(table, {"std"}, Kind::floating, [](const auto& x, const auto& axes, bool keep, const auto& c) {
    using V = std::decay_t<decltype(x)>;
    // Where it is 0 the derivative is 0, as in PyTorch.
    const V v = corrected_variance(c, x, axes, keep), one(Array<element_of<decltype(c)>>::scalar(1)),
            zero(Array<element_of<decltype(c)>>::scalar(0));
    return where(v, sqrt(where(v, v, one)), zero);
  });
  add(table, {"var_mean"}, [](const auto& c) {
    using T = element_of<decltype(c)>;
    const Tensor<T> given = c.tensor("self"), x = given.rank() > 0 ? given : reshaped(given, {1});
    const std::vector<long> axes = given.rank() > 0 ? reduced_axes(c, x) : axes_of(x, std::vector<std::int64_t>{0});
    const bool keep = given.rank() > 0 && c.boolean("keepdim", false);
    return Values<T>{Tensor<T>{corrected_variance(c, x.value, axes, keep)}, Tensor<T>{mean(x.value, axes, keep)}};
  });
  add_reduction(table, {"linalg_vector_norm", "norm"}, Kind::floating,
                [](const auto& x, const auto& axes, bool keep, const auto& c) {
                  const double order = c.number(c.has("ord") ? "ord" : "p", 2);
                  return norm(x, axes, {.p = order, .keepdims = keep});
                });
  for (const bool all : {true, false})
    add(table, {all ? "all" : "any"}, [all](const auto& c) {
      auto x = c.tensor("self");
      if (x.kind != Kind::boolean) c.refuse("of numbers");
      x.value = extreme(x.value, reduced_axes(c, x), c.boolean("keepdim", false), !all);
      return x;
    });
  add(table, {"cumsum"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = cumsum(x.value, static_cast<long>(axis_of(x, c.integer("dim"))));
    const auto before = x.kind;
    x.kind = std::max(x.kind, Kind::integer);
    convert_result(c, x, before);
    return x;
  });
  add(table, {"softmax", "_softmax"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = softmax(x.value, static_cast<long>(axis_of(x, c.integer("dim"))));
    x.kind = Kind::floating;
    return x;
  });
  add(table, {"log_softmax", "_log_softmax"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = log_softmax(x.value, static_cast<long>(axis_of(x, c.integer("dim"))));
    x.kind = Kind::floating;
    return x;
  });
  add_extremes(table);
}

}  // namespace xtangent::nn::exported
