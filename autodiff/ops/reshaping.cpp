#include <algorithm>
#include <numeric>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/moved_examples.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

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
std::shared_ptr<const Op<T>> reshape_op(const Shape& shape) {
  return std::make_shared<const Reshape<T>>(shape);
}
template std::shared_ptr<const Op<float>> reshape_op(const Shape&);
template std::shared_ptr<const Op<double>> reshape_op(const Shape&);

#define XTANGENT_INSTANTIATE(T)                                       \
  template Var<T> reshape(const Var<T>&, const Shape&);               \
  template Var<T> flatten(const Var<T>&);                             \
  template Var<T> transpose(const Var<T>&, std::vector<std::size_t>); \
  template Var<T> transpose_last(const Var<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
