#include "autodiff/ops/indexing.hpp"

#include <algorithm>
#include <numeric>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/origin.hpp"

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
struct Reshape : Op<T> {
  Shape shape;
  explicit Reshape(Shape s) : shape(std::move(s)) {}
  std::string name() const override { return "reshape"; }
  bool vector_mode() const override { return true; }
  bool reshapes() const override { return true; }
  Spec infer(std::span<const Spec> x) const override {
    if (x[0].shape.size() != shape.size())
      throw shape_error("[reshape] " + to_string(x[0].shape) + " has " + std::to_string(x[0].shape.size()) +
                        " elements, " + to_string(shape) + " has " + std::to_string(shape.size()) + ".");
    const bool keeps = shape.rank() > 0 && x[0].shape.rank() > 0 && shape.front() == x[0].shape.front();
    return {shape, x[0].examples == Examples::axis0 && !keeps ? Examples::mixed : x[0].examples};
  }
  bool moves_examples() const override { return true; }
  // The examples stay together where an axis of the result holds a multiple of what is behind them.
  std::optional<Place> place(std::span<const Placed> x, std::size_t n) const override {
    const Shape& from = x[0].shape;
    const Place& at = x[0].examples;
    const std::size_t axis = from.rank() - at.back;
    const std::size_t before = from.slice(0, axis).size() * at.before;
    const std::size_t behind = from.slice(axis + 1, from.rank()).size() * at.behind;
    std::optional<Place> found;
    for (std::size_t a = 0; a < shape.rank() && before * behind > 0; ++a) {
      const std::size_t left = shape.slice(0, a).size(), right = shape.slice(a + 1, shape.rank()).size();
      if (left * right == 0 || before % left != 0 || behind % right != 0) continue;
      const Place here{shape.rank() - a, before / left, behind / right};
      if (shape[a] != here.before * n * here.behind) continue;
      const bool alone = here.before == 1 && here.behind == 1;
      if (alone) return here;
      if (!found) found = here;
    }
    return found;
  }
  std::shared_ptr<const Op<T>> in_front(std::span<const Placed> x, std::size_t n) const override {
    const bool alone = x[0].examples.back > x[0].shape.rank();
    return std::make_shared<const Reshape>(alone ? shape.prepended(n) : front_shape(shape, *place(x, n), n));
  }
  Array<T> eval(std::span<const Array<T>> x) const override { return x[0].reshaped(shape); }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    return reshape(dx[0], with_probes_of(dx[0], x[0].rank(), shape));
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {reshape(ybar, with_probes_of(ybar, y.rank(), x[0].shape()))};
  }
};

template <class T>
struct Transpose : Op<T> {
  std::vector<std::size_t> order;
  explicit Transpose(std::vector<std::size_t> o) : order(std::move(o)) {}
  std::string name() const override { return "transpose"; }
  bool vector_mode() const override { return true; }
  bool transposes() const override { return order == std::vector<std::size_t>{1, 0}; }
  bool moves_examples() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    const std::size_t axis = order.size() - x[0].examples.back;
    Place out = x[0].examples;
    for (std::size_t a = 0; a < order.size(); ++a)
      if (order[a] == axis) out.back = order.size() - a;
    return out;
  }
  std::shared_ptr<const Op<T>> in_front(std::span<const Placed> x, std::size_t n) const override {
    const Shape from = front_shape(x[0].shape, x[0].examples, n);
    std::vector<std::size_t> behind{0};
    Shape shape{n};
    std::size_t last = 0;
    bool copies = false;  // do axes of more than one entry change places?
    for (const std::size_t a : order) {
      behind.push_back(a + 1);
      shape.push_back(from[a + 1]);
      if (from[a + 1] == 1) continue;
      copies = copies || a < last;
      last = a;
    }
    if (!copies) return std::make_shared<const Reshape<T>>(shape);
    return std::make_shared<const Transpose>(std::move(behind));
  }
  Spec infer(std::span<const Spec> x) const override {
    std::vector<std::size_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    bool permutation = sorted.size() == x[0].shape.rank();
    for (std::size_t a = 0; permutation && a < sorted.size(); ++a) permutation = sorted[a] == a;
    if (!permutation)
      throw shape_error("[transpose] the order must name each of the " + std::to_string(x[0].shape.rank()) +
                        " axes of " + to_string(x[0].shape) + " once.");
    Shape shape;
    for (std::size_t a : order) shape.push_back(x[0].shape[a]);
    const bool moved = !order.empty() && order.front() != 0;
    return {shape, x[0].examples == Examples::axis0 && moved ? Examples::mixed : x[0].examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Shape shape;
    for (std::size_t a : order) shape.push_back(x[0].shape()[a]);
    Array<T> y(shape);
    kernels::transpose(x[0].shape(), order, x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> permuted(const Var<T>& t, std::vector<std::size_t> by) const {
    if (t.rank() > by.size()) {
      for (std::size_t& a : by) ++a;
      by.insert(by.begin(), 0);
    }
    return transpose(t, by);
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dx) const override { return permuted(dx[0], order); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    std::vector<std::size_t> inverse(order.size());
    for (std::size_t a = 0; a < order.size(); ++a) inverse[order[a]] = a;
    return {permuted(ybar, inverse)};
  }
};

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
struct Pad : Op<T> {
  long axis;
  std::size_t before, behind;
  Pad(long a, std::size_t f, std::size_t b) : axis(a), before(f), behind(b) {}
  std::string name() const override { return "pad"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    return place_beside(x[0], static_cast<std::size_t>(-axis));
  }
  Spec infer(std::span<const Spec> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].shape.rank(), "pad");
    Shape shape = x[0].shape;
    shape[a] += before + behind;
    return {shape, before + behind ? after_axis_op(x[0], a) : x[0].examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].rank(), "pad");
    const Split s = split(x[0].shape(), a);
    Shape shape = x[0].shape();
    shape[a] += before + behind;
    Array<T> y = Array<T>::zeros(shape);
    kernels::copy_runs(s.outer, s.extent * s.inner, x[0].data(), s.extent * s.inner,
                       y.mutable_data() + before * s.inner, shape[a] * s.inner);
    return y;
  }
  long same(const Var<T>& x) const { return same_axis(x, from_right(resolve_axis(axis, x.rank(), "pad"), x.rank())); }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override { return pad(dx[0], same(x[0]), before, behind); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    const std::size_t extent = x[0].shape()[resolve_axis(axis, x[0].rank(), "pad")];
    return {slice(ybar, same(x[0]), before, before + extent)};
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
                                      : Var<T>(Array<T>::zeros(k ? x[i].shape().prepended(k) : x[i].shape()),
                                               k ? Examples::none : x[i].examples()));
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
Var<T> reshape(const Var<T>& x, const Shape& shape) {
  return x.shape() == shape ? x : apply_op(Reshape<T>(shape), x);
}
template <class T>
Var<T> flatten(const Var<T>& x) {
  if (x.rank() == 0) throw shape_error("[flatten] a scalar has no axis to keep.");
  return reshape(x, Shape{x.shape().front(), x.shape().slice(1, x.rank()).size()});
}
template <class T>
Var<T> transpose(const Var<T>& x, std::vector<std::size_t> order) {
  if (order.empty()) {
    order.resize(x.rank());
    std::iota(order.rbegin(), order.rend(), std::size_t(0));
  }
  return apply_op(Transpose<T>(std::move(order)), x);
}
template <class T>
Var<T> transpose_last(const Var<T>& x) {
  const FunctionName name("transpose_last", x);
  if (x.rank() < 2) throw shape_error("[transpose_last] needs two axes, got " + to_string(x.shape()) + ".");
  std::vector<std::size_t> order(x.rank());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::swap(order[x.rank() - 1], order[x.rank() - 2]);
  return transpose(x, std::move(order));
}
template <class T>
Var<T> slice(const Var<T>& x, long axis, std::size_t first, std::size_t last) {
  return apply_op(Slice<T>(negative_axis(x, axis, "slice"), first, last), x);
}
template <class T>
Var<T> pad(const Var<T>& x, long axis, std::size_t before, std::size_t behind) {
  return apply_op(Pad<T>(negative_axis(x, axis, "pad"), before, behind), x);
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

// The op of reshape, for apply.
template <class T>
std::shared_ptr<const Op<T>> reshape_op(const Shape& shape) {
  return std::make_shared<const Reshape<T>>(shape);
}
template std::shared_ptr<const Op<float>> reshape_op(const Shape&);
template std::shared_ptr<const Op<double>> reshape_op(const Shape&);

#define XTANGENT_INSTANTIATE(T)                                          \
  template Var<T> reshape(const Var<T>&, const Shape&);                  \
  template Var<T> flatten(const Var<T>&);                                \
  template Var<T> transpose(const Var<T>&, std::vector<std::size_t>);    \
  template Var<T> transpose_last(const Var<T>&);                         \
  template Var<T> slice(const Var<T>&, long, std::size_t, std::size_t);  \
  template Var<T> pad(const Var<T>&, long, std::size_t, std::size_t);    \
  template Var<T> concatenate(Vars<T>, long);                            \
  template Var<T> gather(const Var<T>&, long, std::vector<std::size_t>); \
  template Var<T> scatter_add(const Var<T>&, long, std::vector<std::size_t>, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
