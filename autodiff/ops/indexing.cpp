#include "autodiff/ops/indexing.hpp"

#include <algorithm>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/ops/padding.hpp"

namespace xtangent {
namespace {

// Axes counted from the right stay where they are when a probe axis comes in front.
std::size_t from_right(std::size_t axis, std::size_t rank) { return rank - axis; }
template <class T>
long same_axis(const Var<T>&, std::size_t back) {
  return -static_cast<long>(back);
}

// An axis in its form that counts from the right.
template <class T>
long negative_axis(const Var<T>& x, long axis, const char* who) {
  return -static_cast<long>(from_right(resolve_axis(axis, x.rank(), who), x.rank()));
}

// x as (outer, extent, inner) around an axis. Axes of the ops below are negative.
struct Split {
  std::size_t outer, extent, inner;
};
Split split(const Shape& shape, std::size_t axis) {
  return {shape.slice(0, axis).size(), shape[axis], shape.slice(axis + 1, shape.rank()).size()};
}

Examples after_axis_op(const Spec& x, std::size_t axis) {
  return x.examples == Examples::axis0 && axis == 0 ? Examples::mixed : x.examples;
}

template <class T>
struct Slice : Op<T> {
  long axis;
  std::size_t first, last;
  Slice(long a, std::size_t f, std::size_t l) : axis(a), first(f), last(l) {}
  std::string name() const override { return "slice"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    return place_beside(x[0], static_cast<std::size_t>(-axis));
  }
  Spec infer(std::span<const Spec> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].shape.rank(), "slice");
    if (first > last || last > x[0].shape[a])
      throw shape_error("[slice] range [" + std::to_string(first) + ", " + std::to_string(last) + ") of axis " +
                        std::to_string(a) + " of " + to_string(x[0].shape) + ".");
    Shape shape = x[0].shape;
    shape[a] = last - first;
    const bool whole = shape == x[0].shape;
    return {shape, whole ? x[0].examples : after_axis_op(x[0], a)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].rank(), "slice");
    if (a == 0) return x[0].rows(first, last);
    const Split s = split(x[0].shape(), a);
    Shape shape = x[0].shape();
    shape[a] = last - first;
    Array<T> y(shape);
    kernels::copy_runs(s.outer, (last - first) * s.inner, x[0].data() + first * s.inner, s.extent * s.inner,
                       y.mutable_data(), (last - first) * s.inner);
    return y;
  }
  long same(const Var<T>& x) const { return same_axis(x, from_right(resolve_axis(axis, x.rank(), "slice"), x.rank())); }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override { return slice(dx[0], same(x[0]), first, last); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    const std::size_t extent = x[0].shape()[resolve_axis(axis, x[0].rank(), "slice")];
    return {pad(ybar, same(x[0]), first, extent - last)};
  }
};

template <class T>
struct Concatenate : Op<T> {
  long axis;
  explicit Concatenate(long a) : axis(a) {}
  std::string name() const override { return "concatenate"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    for (const Placed& part : x)
      if (!(part.examples == x[0].examples)) return std::nullopt;
    return place_beside(x[0], static_cast<std::size_t>(-axis));
  }
  Spec infer(std::span<const Spec> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].shape.rank(), "concatenate");
    Shape shape = x[0].shape;
    Examples examples = x[0].examples;
    for (const Spec& part : x.subspan(1)) {
      Shape expected = x[0].shape;
      if (part.shape.rank() == expected.rank()) expected[a] = part.shape[a];
      if (!(part.shape == expected))
        throw shape_error("[concatenate] " + to_string(x[0].shape) + " and " + to_string(part.shape) +
                          " differ outside axis " + std::to_string(a) + ".");
      shape[a] += part.shape[a];
      if (part.examples != examples) examples = Examples::mixed;
    }
    return {shape, examples == Examples::axis0 && a == 0 && x.size() > 1 ? Examples::mixed : examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    if (x.size() == 1) return x[0];
    const std::size_t a = resolve_axis(axis, x[0].rank(), "concatenate");
    Shape shape = x[0].shape();
    shape[a] = 0;
    for (const Array<T>& part : x) shape[a] += part.shape()[a];
    Array<T> y(shape);
    T* to = y.mutable_data();
    for (const Array<T>& part : x) {
      const Split s = split(part.shape(), a);
      kernels::copy_runs(s.outer, s.extent * s.inner, part.data(), s.extent * s.inner, to, shape[a] * s.inner);
      to += s.extent * s.inner;
    }
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    const std::size_t back = from_right(resolve_axis(axis, x[0].rank(), "concatenate"), x[0].rank());
    std::size_t k = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (dx[i].defined()) k = std::max(k, probes(dx[i], x[i].rank()));
    std::vector<Var<T>> parts;
    for (std::size_t i = 0; i < x.size(); ++i)
      parts.push_back(dx[i].defined() ? dx[i]
                      : k             ? Var<T>(Array<T>::zeros(x[i].shape().prepended(k)), Examples::none)
                                      : zeros_like(x[i]));
    return concatenate<T>(parts, -static_cast<long>(back));
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted& wanted) const override {
    const std::size_t a = resolve_axis(axis, x[0].rank(), "concatenate");
    std::vector<Var<T>> out(x.size());
    std::size_t first = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t extent = x[i].shape()[a];
      if (wanted[i]) out[i] = slice(ybar, same_axis(x[i], from_right(a, x[i].rank())), first, first + extent);
      first += extent;
    }
    return out;
  }
};

template <class T>
struct Gather : Op<T> {
  long axis;
  std::vector<std::size_t> index;
  Gather(long a, std::vector<std::size_t> i) : axis(a), index(std::move(i)) {}
  std::string name() const override { return "gather"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    return place_beside(x[0], static_cast<std::size_t>(-axis));
  }
  Spec infer(std::span<const Spec> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].shape.rank(), "gather");
    for (std::size_t i : index)
      if (i >= x[0].shape[a])
        throw shape_error("[gather] index " + std::to_string(i) + " of axis " + std::to_string(a) + " of " +
                          to_string(x[0].shape) + ".");
    Shape shape = x[0].shape;
    shape[a] = index.size();
    return {shape, after_axis_op(x[0], a)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].rank(), "gather");
    const Split s = split(x[0].shape(), a);
    Shape shape = x[0].shape();
    shape[a] = index.size();
    Array<T> y(shape);
    kernels::gather(s.outer, s.extent, s.inner, index, x[0].data(), y.mutable_data());
    return y;
  }
  long same(const Var<T>& x) const {
    return same_axis(x, from_right(resolve_axis(axis, x.rank(), "gather"), x.rank()));
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override { return gather(dx[0], same(x[0]), index); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    const std::size_t extent = x[0].shape()[resolve_axis(axis, x[0].rank(), "gather")];
    return {scatter_add(ybar, same(x[0]), index, extent)};
  }
};

template <class T>
struct ScatterAdd : Op<T> {
  long axis;
  std::vector<std::size_t> index;
  std::size_t extent;
  ScatterAdd(long a, std::vector<std::size_t> i, std::size_t e) : axis(a), index(std::move(i)), extent(e) {}
  std::string name() const override { return "scatter_add"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    return place_beside(x[0], static_cast<std::size_t>(-axis));
  }
  Spec infer(std::span<const Spec> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].shape.rank(), "scatter_add");
    if (x[0].shape[a] != index.size())
      throw shape_error("[scatter_add] " + std::to_string(index.size()) + " indices for axis " + std::to_string(a) +
                        " of " + to_string(x[0].shape) + ".");
    for (std::size_t i : index)
      if (i >= extent)
        throw shape_error("[scatter_add] index " + std::to_string(i) + " of an axis of " + std::to_string(extent) +
                          ".");
    Shape shape = x[0].shape;
    shape[a] = extent;
    return {shape, after_axis_op(x[0], a)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].rank(), "scatter_add");
    const Split s = split(x[0].shape(), a);
    Shape shape = x[0].shape();
    shape[a] = extent;
    Array<T> y = Array<T>::zeros(shape);
    kernels::scatter_add(s.outer, extent, s.inner, index, x[0].data(), y.mutable_data());
    return y;
  }
  long same(const Var<T>& x) const {
    return same_axis(x, from_right(resolve_axis(axis, x.rank(), "scatter_add"), x.rank()));
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    return scatter_add(dx[0], same(x[0]), index, extent);
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {gather(ybar, same(x[0]), index)};
  }
};

}  // namespace

template <class T>
Var<T> slice(const Var<T>& x, long axis, std::size_t first, std::size_t last) {
  return apply_op(Slice<T>(negative_axis(x, axis, "slice"), first, last), x);
}
template <class T>
Var<T> concatenate(Vars<T> parts, long axis) {
  if (parts.empty()) throw shape_error("[concatenate] needs at least one array.");
  return apply<T>(std::make_shared<const Concatenate<T>>(negative_axis(parts[0], axis, "concatenate")), parts);
}
template <class T>
Var<T> gather(const Var<T>& x, long axis, std::vector<std::size_t> index) {
  return apply_op(Gather<T>(negative_axis(x, axis, "gather"), std::move(index)), x);
}
template <class T>
Var<T> scatter_add(const Var<T>& x, long axis, std::vector<std::size_t> index, std::size_t extent) {
  return apply_op(ScatterAdd<T>(negative_axis(x, axis, "scatter_add"), std::move(index), extent), x);
}

#define XTANGENT_INSTANTIATE(T)                                          \
  template Var<T> slice(const Var<T>&, long, std::size_t, std::size_t);  \
  template Var<T> concatenate(Vars<T>, long);                            \
  template Var<T> gather(const Var<T>&, long, std::vector<std::size_t>); \
  template Var<T> scatter_add(const Var<T>&, long, std::vector<std::size_t>, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
