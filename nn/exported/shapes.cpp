// Ops that give the elements of an array other places, or copies.
#include <algorithm>
#include <numeric>

#include "autodiff/ops/rearranging.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

// The extents that a view of `size` elements asks for, of which one may be -1.
template <class T>
Shape viewed(const Call<T>& c, std::size_t size, const std::vector<std::int64_t>& extents) {
  Shape shape;
  std::size_t known = 1;
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] == -1) {
      if (open) c.refuse("with two extents of -1");
      open = i;
      shape.push_back(1);
    } else {
      if (extents[i] < 0) c.refuse("with a negative extent");
      shape.push_back(static_cast<std::size_t>(extents[i]));
      known *= shape.back();
    }
  }
  if (open && known > 0) shape[*open] = size / known;
  if (shape.size() != size)
    throw shape_error("[" + c.node().op + "] " + std::to_string(size) + " elements do not fill " + to_string(shape) +
                      ".");
  return shape;
}

template <class T>
Tensor<T> permuted(const Tensor<T>& x, const std::vector<std::size_t>& order) {
  const std::size_t first = x.per_example() ? 1 : 0;
  std::vector<std::size_t> all(x.value.rank());
  std::iota(all.begin(), all.end(), std::size_t(0));
  for (std::size_t i = 0; i < order.size(); ++i) all[first + i] = first + order[i];
  if (std::is_sorted(all.begin(), all.end())) return x;
  return {transpose(x.value, all), x.kind};
}

template <class T>
Tensor<T> exchanged(const Tensor<T>& x, std::int64_t a, std::int64_t b) {
  if (x.rank() == 0) return x;
  std::vector<std::size_t> order(x.rank());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::swap(order[graph_axis(x, a)], order[graph_axis(x, b)]);
  return permuted(x, order);
}

template <class T>
Tensor<T> without_axis(const Tensor<T>& x, std::size_t axis) {
  const Shape shape = x.shape();
  return reshaped(x, shape.slice(0, axis).joined(shape.slice(axis + 1, shape.rank())));
}

template <class T>
Tensor<T> unsqueezed(const Tensor<T>& x, std::int64_t axis) {
  const std::size_t at = resolve_axis(static_cast<long>(axis), x.rank() + 1, "unsqueeze");
  const Shape shape = x.shape();
  return reshaped(x, shape.slice(0, at).joined(Shape{1}).joined(shape.slice(at, shape.rank())));
}

template <class T>
Tensor<T> squeezed(const Call<T>& c, const Tensor<T>& x) {
  const Shape shape = x.shape();
  std::vector<bool> goes(shape.rank(), !c.has("dim"));
  if (c.has("dim"))
    for (std::int64_t axis : c.integers("dim"))
      if (shape.rank() > 0) goes[graph_axis(x, axis)] = true;
  Shape left;
  for (std::size_t i = 0; i < shape.rank(); ++i)
    if (!goes[i] || shape[i] != 1) left.push_back(shape[i]);
  return reshaped(x, left);
}

template <class T>
Tensor<T> flattened(const Call<T>& c) {
  const Tensor<T> x = c.tensor("self");
  const Shape shape = x.shape();
  if (shape.rank() == 0) return reshaped(x, {1});
  const std::size_t first = graph_axis(x, c.integer("start_dim", 0)), last = graph_axis(x, c.integer("end_dim", -1));
  return reshaped(x, shape.slice(0, first)
                         .joined(Shape{shape.slice(first, last + 1).size()})
                         .joined(shape.slice(last + 1, shape.rank())));
}

template <class T>
Tensor<T> concatenated(const Call<T>& c, std::vector<Tensor<T>> parts) {
  // PyTorch passes over arrays of shape (0,).
  std::erase_if(parts, [](const Tensor<T>& t) { return t.shape() == Shape{0}; });
  if (parts.empty()) c.refuse("without arrays");
  return joined_on(parts, graph_axis(parts.front(), c.integer("dim", 0)));
}

template <class T>
Values<T> pieces(const Tensor<T>& x, std::size_t axis, const std::vector<std::size_t>& sizes) {
  Values<T> out;
  std::int64_t first = 0;
  for (std::size_t size : sizes) {
    out.push_back(taken(x, {axis, first, first + static_cast<std::int64_t>(size)}));
    first += static_cast<std::int64_t>(size);
  }
  return out;
}

// An extent in pieces of `size`, of which the last may be smaller.
std::vector<std::size_t> even_sizes(std::size_t extent, std::size_t size) {
  std::vector<std::size_t> out;
  for (std::size_t first = 0; first < extent; first += size) out.push_back(std::min(size, extent - first));
  return out;
}

template <class T>
Tensor<T> repeated(const Call<T>& c, const Tensor<T>& x, const std::vector<std::int64_t>& times) {
  Shape shape = x.shape();
  while (shape.rank() < times.size()) shape = shape.prepended(1);
  if (shape.rank() != times.size()) c.refuse("with fewer numbers than axes");
  Tensor<T> out = reshaped(x, shape);
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] < 1) c.refuse("with a number below 1");
    if (times[i] == 1) continue;
    const std::vector<Var<T>> copies(static_cast<std::size_t>(times[i]), out.value);
    out.value = concatenate<T>(copies, static_cast<long>(i + x.front()));
  }
  return out;
}

void add_views(Table& table) {
  add(table, {"view", "reshape", "_unsafe_view"}, [](const auto& c) {
    const auto x = c.tensor("self");
    if (c.has("dtype")) c.refuse("that gives the same bytes another type");
    return reshaped(x, viewed(c, x.shape().size(), c.has("size") ? c.integers("size") : c.integers("shape")));
  });
  add(table, {"view_as", "reshape_as"},
      [](const auto& c) { return reshaped(c.tensor("self"), c.tensor("other").shape()); });
  add(table, {"flatten"}, [](const auto& c) { return flattened(c); });
  add(table, {"unflatten"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const std::size_t axis = graph_axis(x, c.integer("dim"));
    const Shape shape = x.shape();
    const Shape middle = viewed(c, shape[axis], c.integers("sizes"));
    return reshaped(x, shape.slice(0, axis).joined(middle).joined(shape.slice(axis + 1, shape.rank())));
  });
  add(table, {"unsqueeze"}, [](const auto& c) { return unsqueezed(c.tensor("self"), c.integer("dim")); });
  add(table, {"squeeze"}, [](const auto& c) { return squeezed(c, c.tensor("self")); });
  add(table, {"expand"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const std::vector<std::int64_t> extents = c.integers("size");
    Shape shape;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      const std::size_t back = extents.size() - i;
      if (extents[i] == -1 && back > x.rank()) c.refuse("with -1 for an axis that is new");
      shape.push_back(extents[i] == -1 ? x.shape().from_right(back) : static_cast<std::size_t>(extents[i]));
    }
    return expanded(x, shape);
  });
  add(table, {"expand_as", "broadcast_to"}, [](const auto& c) {
    if (c.has("other")) return expanded(c.tensor("self"), c.tensor("other").shape());
    return expanded(c.tensor("self"), c.shape("size"));
  });
}

void add_permutations(Table& table) {
  add(table, {"permute"}, [](const auto& c) {
    const auto x = c.tensor("self");
    std::vector<std::size_t> order;
    for (std::int64_t axis : c.integers("dims")) order.push_back(graph_axis(x, axis));
    return permuted(x, order);
  });
  add(table, {"transpose", "swapaxes", "swapdims"}, [](const auto& c) {
    const bool dims = c.has("dim0");
    return exchanged(c.tensor("self"), c.integer(dims ? "dim0" : "axis0"), c.integer(dims ? "dim1" : "axis1"));
  });
  add(table, {"t"}, [](const auto& c) {
    const auto x = c.tensor("self");
    return x.rank() < 2 ? x : exchanged(x, 0, 1);
  });
  add(table, {"mT"}, [](const auto& c) { return exchanged(c.tensor("self"), -1, -2); });
  add(table, {"numpy_T"}, [](const auto& c) {
    const auto x = c.tensor("self");
    std::vector<std::size_t> order(x.rank());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = order.size() - 1 - i;
    return permuted(x, order);
  });
  add(table, {"movedim"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const auto from = c.integers("source"), to = c.integers("destination");
    std::vector<std::size_t> order(x.rank(), x.rank());
    std::vector<bool> taken(x.rank(), false);
    for (std::size_t i = 0; i < from.size(); ++i) {
      order[graph_axis(x, to[i])] = graph_axis(x, from[i]);
      taken[graph_axis(x, from[i])] = true;
    }
    std::size_t next = 0;
    for (std::size_t& axis : order) {
      if (axis < x.rank()) continue;
      while (taken[next]) ++next;
      axis = next++;
    }
    return permuted(x, order);
  });
  add(table, {"flip"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = flip(x.value, axes_of(x, c.integers("dims")));
    return x;
  });
  add(table, {"roll"}, [](const auto& c) {
    auto x = c.tensor("self");
    const auto shifts = c.integers("shifts"), axes = c.integers("dims", {});
    if (axes.size() != shifts.size()) c.refuse("of a flattened array");
    for (std::size_t i = 0; i < axes.size(); ++i)
      x.value = roll(x.value, static_cast<long>(shifts[i]), static_cast<long>(axis_of(x, axes[i])));
    return x;
  });
}

void add_parts(Table& table) {
  add(table, {"cat", "concat", "concatenate"}, [](const auto& c) { return concatenated(c, c.tensors("tensors")); });
  add(table, {"stack"}, [](const auto& c) {
    auto parts = c.tensors("tensors");
    for (auto& part : parts) part = unsqueezed(part, c.integer("dim", 0));
    return concatenated(c, parts);
  });
  for (const char* name : {"slice", "narrow"})
    add(table, {name}, [name](const auto& c) {
      const auto x = c.tensor("self");
      return taken(x, piece_of(c, name, x));
    });
  for (const char* name : {"slice", "select"})  // in decomposed programs, for changes in place
    add(table, {name == std::string("slice") ? "slice_scatter" : "select_scatter"},
        [name](const auto& c) { return with_part(c, name, c.tensor("self"), c.tensor("src")); });
  add(table, {"select"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const Piece piece = piece_of(c, "select", x);
    return without_axis(taken(x, piece), piece.axis);
  });
  add(table, {"split", "split_with_sizes"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const std::size_t axis = graph_axis(x, c.integer("dim", 0));
    const bool even = c.has("split_size") && c.find("split_size")->what.index() == 2;
    std::vector<std::size_t> sizes;
    if (even && c.integer("split_size") < 1) c.refuse("into pieces of less than one entry");
    if (even)
      sizes = even_sizes(x.shape()[axis], static_cast<std::size_t>(c.integer("split_size")));
    else
      for (std::int64_t size : c.integers(c.has("split_sizes") ? "split_sizes" : "split_size"))
        sizes.push_back(static_cast<std::size_t>(size));
    return pieces(x, axis, sizes);
  });
  add(table, {"chunk"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const std::size_t axis = graph_axis(x, c.integer("dim", 0)), extent = x.shape()[axis];
    if (c.integer("chunks") < 1) c.refuse("into less than one piece");
    const auto count = static_cast<std::size_t>(c.integer("chunks"));
    return pieces(x, axis, even_sizes(extent, std::max<std::size_t>(1, (extent + count - 1) / count)));
  });
  add(table, {"unbind"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const std::size_t axis = graph_axis(x, c.integer("dim", 0));
    auto out = pieces(x, axis, even_sizes(x.shape()[axis], 1));
    for (auto& piece : out) piece = without_axis(*piece.tensor(), axis);
    return out;
  });
  add(table, {"diff"}, [](const auto& c) {
    auto x = c.tensor("self");
    const std::size_t axis = graph_axis(x, c.integer("dim", -1));
    std::vector<decltype(x)> parts = {x};
    if (c.has("prepend")) parts.insert(parts.begin(), c.tensor("prepend"));
    if (c.has("append")) parts.push_back(c.tensor("append"));
    x = joined_on(parts, axis);
    for (std::int64_t i = 0; i < c.integer("n", 1); ++i) {
      const auto extent = static_cast<std::int64_t>(x.shape()[axis]);
      if (extent < 2) c.refuse("of fewer than two elements");
      x.value = taken(x, {axis, 1, extent}).value - taken(x, {axis, 0, extent - 1}).value;
    }
    return x;
  });
  add(table, {"repeat"}, [](const auto& c) { return repeated(c, c.tensor("self"), c.integers("repeats")); });
  add(table, {"tile"}, [](const auto& c) {
    const auto x = c.tensor("self");
    auto times = c.integers("dims");
    while (times.size() < x.rank()) times.insert(times.begin(), 1);
    return repeated(c, x, times);
  });
  add(table, {"repeat_interleave"}, [](const auto& c) {
    const auto x = c.tensor("self");
    if (!c.has("dim") || c.find("repeats")->tensor()) c.refuse("of a flattened array, or with an array of numbers");
    const std::size_t axis = graph_axis(x, c.integer("dim"));
    std::vector<std::size_t> index;
    for (std::size_t i = 0; i < x.shape()[axis]; ++i)
      index.insert(index.end(), static_cast<std::size_t>(c.integer("repeats")), i);
    auto y = x;
    y.value = gather(x.value, static_cast<long>(axis + x.front()), index);
    return y;
  });
}

}  // namespace

void add_shape_ops(Table& table) {
  add_views(table);
  add_permutations(table);
  add_parts(table);
  add(table,
      {"contiguous", "clone", "alias", "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "lift",
       "lift_fresh", "lift_fresh_copy", "positive", "_assert_tensor_metadata", "conj", "resolve_conj"},
      [](const auto& c) {
        const bool drops = c.node().op.find("dropout") != std::string::npos;
        if (drops && c.boolean("train", false) && c.number("p", 0) > 0)
          c.refuse("in training mode: call model.eval() before torch.export.export");
        return c.tensor(c.has("input") ? "input" : c.has("a") ? "a" : "self");
      });
  add(table, {"detach"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = x.value.detached();
    return x;
  });
}

}  // namespace xtangent::nn::exported
