#include "autodiff/ops/reduction.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/kernels/reduce.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/selection.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

// Which axes a list names; all of them for an empty list.
std::vector<bool> reduced_axes(const std::vector<long>& axes, const Shape& shape, const char* who) {
  std::vector<bool> reduced(shape.rank(), axes.empty());
  for (long axis : axes) {
    const std::size_t a = resolve_axis(axis, shape.rank(), who);
    if (reduced[a])
      throw shape_error(std::string("[") + who + "] axis " + std::to_string(a) + " of " + to_string(shape) +
                        " is named twice.");
    reduced[a] = true;
  }
  return reduced;
}

struct Reduced {
  Shape kept_in_place, dropped;  // the result's shape with and without keepdims
  std::size_t count = 1;         // elements that are reduced to one
};
Reduced reduce_shape(const Shape& shape, const std::vector<bool>& reduced) {
  Reduced out;
  for (std::size_t a = 0; a < shape.rank(); ++a) {
    out.kept_in_place.push_back(reduced[a] ? 1 : shape[a]);
    if (reduced[a])
      out.count *= shape[a];
    else
      out.dropped.push_back(shape[a]);
  }
  return out;
}

Reduced nonempty(const std::vector<long>& axes, const Shape& shape, const char* who) {
  const Reduced out = reduce_shape(shape, reduced_axes(axes, shape, who));
  if (out.count == 0)
    throw shape_error(std::string("[") + who + "] nothing to reduce: the axes hold no elements in " + to_string(shape) +
                      ".");
  return out;
}

template <class T>
Var<T> sum_shaped(const Var<T>& x, const Reduced& to, bool keepdims) {
  const Var<T> y = sum_to(x, to.kept_in_place);
  return keepdims ? y : reshape(y, to.dropped);
}

template <class T>
Var<T> without_axis(const Var<T>& y, std::size_t axis) {
  return reshape(y, y.shape().slice(0, axis).joined(y.shape().slice(axis + 1, y.rank())));
}

// The maximum over one axis, which stays with extent 1. The axis counts from the right.
template <class T>
struct MaxAxis : Op<T> {
  std::size_t back;
  explicit MaxAxis(std::size_t b) : back(b) {}
  std::string name() const override { return "max"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return place_beside(x[0], back); }
  Spec infer(std::span<const Spec> x) const override {
    const std::size_t axis = x[0].shape.rank() - back;
    check_block_size(x[0].shape.slice(axis, x[0].shape.rank()).size(), "max");
    return {shape_of(x[0].shape), x[0].examples == Examples::axis0 && axis == 0 ? Examples::mixed : x[0].examples};
  }
  Shape shape_of(Shape x) const {
    x[x.rank() - back] = 1;
    return x;
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape& from = x[0].shape();
    const std::size_t axis = from.rank() - back;
    Array<T> y(shape_of(from));
    kernels::max_axis(from.slice(0, axis).size(), from[axis], from.slice(axis + 1, from.rank()).size(), x[0].data(),
                      y.mutable_data());
    return y;
  }
  // The places of the maxima. They are piecewise constant in x, so no derivative passes through them.
  std::shared_ptr<const Selection> winners(const Array<T>& x) const {
    const Shape& from = x.shape();
    const std::size_t axis = from.rank() - back;
    auto s = std::make_shared<Selection>();
    s->from = from;
    s->to = shape_of(from);
    s->blocks = from.slice(0, axis).size();
    s->index.resize(s->to.size());
    kernels::argmax_axis(s->blocks, from[axis], from.slice(axis + 1, from.rank()).size(), x.data(), s->index.data());
    return s;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override { return select(dx[0], winners(x[0].value())); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {unselect(ybar, winners(x[0].value()))};
  }
};

// Running sums along an axis that counts from the right.
template <class T>
struct CumSum : Op<T> {
  std::size_t back;
  bool reverse;
  CumSum(std::size_t b, bool r) : back(b), reverse(r) {}
  std::string name() const override { return "cumsum"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return place_beside(x[0], back); }
  Spec infer(std::span<const Spec> x) const override {
    return {x[0].shape,
            x[0].examples == Examples::axis0 && x[0].shape.rank() == back ? Examples::mixed : x[0].examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape& shape = x[0].shape();
    const std::size_t axis = shape.rank() - back;
    Array<T> y(shape);
    kernels::cumulative_sum(shape.slice(0, axis).size(), shape[axis], shape.slice(axis + 1, shape.rank()).size(),
                            reverse, x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dx) const override {
    return cumsum(dx[0], -static_cast<long>(back), reverse);
  }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {cumsum(ybar, -static_cast<long>(back), !reverse)};
  }
};

// The ops below work on rows, along the last axis: each gives a number, or a row.
template <class T>
struct OnRows : Op<T> {
  bool to_number;
  explicit OnRows(bool n) : to_number(n) {}
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return place_beside(x[0], 1); }
  Spec infer(std::span<const Spec> x) const override {
    const bool one_row = x[0].shape.rank() == 1;
    return {result(x[0].shape), x[0].examples == Examples::axis0 && one_row ? Examples::mixed : x[0].examples};
  }
  Shape result(const Shape& x) const { return to_number ? x.slice(0, x.rank() - 1).joined({1}) : x; }
};
std::size_t rows_of(const Shape& shape) { return shape.slice(0, shape.rank() - 1).size(); }
template <class T>
Var<T> sum_last(const Var<T>& x) {
  return sum(x, {-1}, true);
}

// The maximum over the last axis, which stays with extent 1. Equal largest elements share the derivative.
template <class T>
struct SharedMax : OnRows<T> {
  SharedMax() : OnRows<T>(true) {}
  std::string name() const override { return "amax"; }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape& from = x[0].shape();
    Array<T> y(this->result(from));
    kernels::max_axis(rows_of(from), from.back(), 1, x[0].data(), y.mutable_data());
    return y;
  }
  // They are piecewise constant in x, so no derivative passes through them.
  static Var<T> shares(const Var<T>& x, const Var<T>& y) {
    const Var<T> winners = 1.0 - step(y - x);
    return winners / sum_last(winners);
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override { return sum_last(dx[0] * shares(x[0], y)); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {ybar * shares(x[0], y)};
  }
};

template <class T>
struct LogSumExp : OnRows<T> {
  LogSumExp() : OnRows<T>(true) {}
  std::string name() const override { return "logsumexp"; }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape& from = x[0].shape();
    Array<T> y(this->result(from));
    kernels::logsumexp_rows(rows_of(from), from.back(), x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override { return sum_last(dx[0] * softmax(x[0])); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {ybar * softmax(x[0])};
  }
};

template <class T>
struct Softmax : OnRows<T> {
  Softmax() : OnRows<T>(false) {}
  std::string name() const override { return "softmax"; }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(x[0].shape());
    kernels::softmax_rows(rows_of(y.shape()), y.shape().back(), x[0].data(), y.mutable_data());
    return y;
  }
  // t times the Jacobian diag(y) - y y^T, which is symmetric. Constants take one pass; otherwise it is computed on
  // Vars, so that it can be differentiated again.
  Var<T> product(const Var<T>& y, const Var<T>& t) const {
    if (y.is_constant() && is_plain(t)) {
      Array<T> out(t.shape());
      kernels::softmax_slope_rows(rows_of(y.shape()), y.shape().back(), y.size() ? t.size() / y.size() : 0,
                                  y.value().data(), t.value().data(), out.mutable_data());
      return Var<T>(std::move(out), t.examples());
    }
    const Var<T> weighted = t * y;
    return weighted - y * sum_last(weighted);
  }
  Var<T> jvp(Vars<T>, const Var<T>& y, Vars<T> dx) const override { return product(y, dx[0]); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {product(y, ybar)};
  }
};

template <class T>
struct LogSoftmax : OnRows<T> {
  LogSoftmax() : OnRows<T>(false) {}
  std::string name() const override { return "log_softmax"; }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(x[0].shape());
    kernels::log_softmax_rows(rows_of(y.shape()), y.shape().back(), x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T>, const Var<T>& y, Vars<T> dx) const override { return dx[0] - sum_last(dx[0] * exp(y)); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {ybar - exp(y) * sum_last(ybar)};
  }
};

// Applies an op for the last axis to another axis, by exchanging the two.
template <class T, class O>
Var<T> on_axis(O op, const Var<T>& x, std::size_t axis) {
  if (axis + 1 == x.rank()) return apply_op(op, x);
  std::vector<std::size_t> order(x.rank());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::swap(order[axis], order.back());
  return transpose(apply_op(op, transpose(x, order)), order);
}

template <class T>
std::size_t nonempty_axis(const Var<T>& x, long axis, const char* who) {
  const std::size_t a = resolve_axis(axis, x.rank(), who);
  if (x.shape()[a] == 0)
    throw shape_error(std::string("[") + who + "] axis " + std::to_string(a) + " of " + to_string(x.shape()) +
                      " holds no elements.");
  return a;
}

}  // namespace

template <class T>
Var<T> sum(const Var<T>& x, const std::vector<long>& axes, bool keepdims) {
  const FunctionName name("sum", x);
  return sum_shaped(x, reduce_shape(x.shape(), reduced_axes(axes, x.shape(), "sum")), keepdims);
}
template <class T>
Var<T> mean(const Var<T>& x, const std::vector<long>& axes, bool keepdims) {
  const FunctionName name("mean", x);
  const Reduced to = nonempty(axes, x.shape(), "mean");
  return sum_shaped(x, to, keepdims) / static_cast<double>(to.count);
}
template <class T>
Var<T> variance(const Var<T>& x, const std::vector<long>& axes, VarianceOptions options) {
  const FunctionName name("variance", x);
  const Reduced to = nonempty(axes, x.shape(), "variance");
  if (options.unbiased && to.count < 2)
    throw shape_error("[variance] unbiased, of one element in " + to_string(x.shape()) + ". It needs at least two.");
  const Var<T> centered = x - sum_to(x, to.kept_in_place) / static_cast<double>(to.count);
  return sum_shaped(square(centered), to, options.keepdims) /
         static_cast<double>(to.count - (options.unbiased ? 1 : 0));
}
template <class T>
Var<T> norm(const Var<T>& x, const std::vector<long>& axes, NormOptions o) {
  const FunctionName name("norm", x);
  const double p = o.p;
  if (!(p >= 0.0))
    throw shape_error("[norm] p = " + std::to_string(p) + ". It must be at least 0, and may be infinity.");
  if (std::isinf(p)) {
    nonempty(axes, x.shape(), "norm");
    return amax(abs(x), axes, o.keepdims);
  }
  const Var<T> one(Array<T>::scalar(1)), zero(Array<T>::scalar(0));
  if (p == 0.0) return sum(where(x, one, zero), axes, o.keepdims);
  if (p == 1.0) return sum(abs(x), axes, o.keepdims);
  // What is 0 stays away from roots and powers, so that no infinite slope of theirs gets into a product with 0.
  const auto safely = [&](const Var<T>& v, auto f) { return where(v, f(where(v, v, one)), zero); };
  if (p == 2.0) return safely(sum(square(x), axes, o.keepdims), [](const Var<T>& v) { return sqrt(v); });
  const Var<T> powers = safely(abs(x), [p](const Var<T>& v) { return pow(v, p); });
  return safely(sum(powers, axes, o.keepdims), [p](const Var<T>& v) { return pow(v, 1.0 / p); });
}
template <class T>
Var<T> cumsum(const Var<T>& x, long axis, bool reverse) {
  return apply_op(CumSum<T>(x.rank() - resolve_axis(axis, x.rank(), "cumsum"), reverse), x);
}
template <class T>
Var<T> max(const Var<T>& x, long axis, bool keepdims) {
  const FunctionName name("max", x);
  const std::size_t a = nonempty_axis(x, axis, "max");
  const Var<T> y = apply_op(MaxAxis<T>(x.rank() - a), x);
  return keepdims ? y : without_axis(y, a);
}
template <class T>
Var<T> min(const Var<T>& x, long axis, bool keepdims) {
  const FunctionName name("min", x);
  nonempty_axis(x, axis, "min");
  return -max(-x, axis, keepdims);
}
template <class T>
Var<T> amax(const Var<T>& x, const std::vector<long>& axes, bool keepdims) {
  const FunctionName name("amax", x);
  const std::vector<bool> reduced = reduced_axes(axes, x.shape(), "amax");
  const Reduced to = nonempty(axes, x.shape(), "amax");
  std::vector<std::size_t> order, behind;  // the reduced axes become one axis behind the others
  for (std::size_t a = 0; a < x.rank(); ++a) (reduced[a] ? behind : order).push_back(a);
  order.insert(order.end(), behind.begin(), behind.end());
  const Var<T> ordered = std::is_sorted(order.begin(), order.end()) ? x : transpose(x, order);
  const Var<T> y = apply_op(SharedMax<T>(), reshape(ordered, to.dropped.joined({to.count})));
  return reshape(y, keepdims ? to.kept_in_place : to.dropped);
}
template <class T>
Var<T> amin(const Var<T>& x, const std::vector<long>& axes, bool keepdims) {
  const FunctionName name("amin", x);
  nonempty(axes, x.shape(), "amin");
  return -amax(-x, axes, keepdims);
}
template <class T>
Var<T> logsumexp(const Var<T>& x, long axis, bool keepdims) {
  const FunctionName name("logsumexp", x);
  const std::size_t a = nonempty_axis(x, axis, "logsumexp");
  const Var<T> y = on_axis(LogSumExp<T>(), x, a);
  return keepdims ? y : without_axis(y, a);
}
template <class T>
Var<T> softmax(const Var<T>& x, long axis) {
  const FunctionName name("softmax", x);
  return on_axis(Softmax<T>(), x, nonempty_axis(x, axis, "softmax"));
}
template <class T>
Var<T> log_softmax(const Var<T>& x, long axis) {
  const FunctionName name("log_softmax", x);
  return on_axis(LogSoftmax<T>(), x, nonempty_axis(x, axis, "log_softmax"));
}

#define XTANGENT_INSTANTIATE(T)                                                       \
  template Var<T> sum(const Var<T>&, const std::vector<long>&, bool);                 \
  template Var<T> mean(const Var<T>&, const std::vector<long>&, bool);                \
  template Var<T> variance(const Var<T>&, const std::vector<long>&, VarianceOptions); \
  template Var<T> norm(const Var<T>&, const std::vector<long>&, NormOptions);         \
  template Var<T> cumsum(const Var<T>&, long, bool);                                  \
  template Var<T> max(const Var<T>&, long, bool);                                     \
  template Var<T> min(const Var<T>&, long, bool);                                     \
  template Var<T> amax(const Var<T>&, const std::vector<long>&, bool);                \
  template Var<T> amin(const Var<T>&, const std::vector<long>&, bool);                \
  template Var<T> logsumexp(const Var<T>&, long, bool);                               \
  template Var<T> softmax(const Var<T>&, long);                                       \
  template Var<T> log_softmax(const Var<T>&, long);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
