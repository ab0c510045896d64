#include "autodiff/ops/arithmetic.hpp"

#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/reduce.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/scale_of.hpp"

namespace xtangent {

Examples elementwise_examples(std::span<const Spec> x, const Shape& result) {
  bool batched = false;
  for (const Spec& s : x) {
    if (s.examples == Examples::mixed) return Examples::mixed;
    batched = batched || s.examples == Examples::axis0;
  }
  if (!batched) return Examples::none;
  for (const Spec& s : x) {
    const bool reaches = s.shape.rank() == result.rank() && s.shape.rank() > 0;
    const bool keeps = reaches && s.shape.front() == result.front();  // not one example repeated
    const bool varies = reaches && s.shape.front() != 1;
    if (s.examples == Examples::axis0 ? !keeps : varies) return Examples::mixed;
  }
  return Examples::axis0;
}

namespace {

using kernels::Binary;

// Sums a cotangent of a value of rank `rank` down to the shape of an argument that was broadcast to that value. The
// probe axis (if any) stays; the axes that the argument lacks count as axes of extent 1 behind it.
template <class T>
Var<T> sum_to_argument(const Var<T>& ybar, std::size_t rank, const Shape& argument) {
  Shape padded;
  for (std::size_t a = argument.rank(); a < rank; ++a) padded.push_back(1);
  return reshape(sum_to(ybar, with_probes_of(ybar, rank, padded.joined(argument))),
                 with_probes_of(ybar, rank, argument));
}

template <class T>
struct BroadcastTo : Op<T> {
  Shape shape;
  explicit BroadcastTo(Shape s) : shape(std::move(s)) {}
  std::string name() const override { return "broadcast_to"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    const std::size_t back = x[0].examples.back;
    if (back > x[0].shape.rank()) return x[0].examples;
    if (back > shape.rank() || shape.from_right(back) != x[0].shape.from_right(back)) return std::nullopt;
    return x[0].examples;
  }
  std::shared_ptr<const Op<T>> in_front(std::span<const Placed> x, std::size_t n) const override {
    return std::make_shared<const BroadcastTo>(front_shape(shape, x[0].examples, n));
  }
  Spec infer(std::span<const Spec> x) const override {
    if (!(broadcast_shapes(x[0].shape, shape, "broadcast_to") == shape))
      throw shape_error("[broadcast_to] " + to_string(x[0].shape) + " does not broadcast to " + to_string(shape) + ".");
    return {shape, elementwise_examples(x, shape)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    if (x[0].shape() == shape) return x[0];
    if (x[0].size() == shape.size()) return x[0].reshaped(shape);
    Array<T> y(shape);
    kernels::broadcast(shape, x[0].data(), x[0].shape(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    const Var<T> tangent = align_probes(dx[0], x[0].shape(), shape.rank());
    return broadcast_to(tangent, with_probes_of(dx[0], x[0].rank(), shape));
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {sum_to_argument(ybar, y.rank(), x[0].shape())};
  }
};

// Sums x down to `shape`, of the same rank or lower.
template <class T>
struct SumTo : Op<T> {
  Shape shape;
  explicit SumTo(Shape s) : shape(std::move(s)) {}
  std::string name() const override { return "sum_to"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    const std::size_t back = x[0].examples.back;
    if (back > x[0].shape.rank()) return x[0].examples;
    if (back > shape.rank() || shape.from_right(back) != x[0].shape.from_right(back)) return std::nullopt;
    return x[0].examples;
  }
  std::shared_ptr<const Op<T>> in_front(std::span<const Placed> x, std::size_t n) const override {
    Shape padded;
    for (std::size_t a = shape.rank(); a < x[0].shape.rank(); ++a) padded.push_back(1);
    return std::make_shared<const SumTo>(front_shape(padded.joined(shape), x[0].examples, n));
  }
  Spec infer(std::span<const Spec> x) const override {
    if (!(broadcast_shapes(x[0].shape, shape, "sum_to") == x[0].shape))
      throw shape_error("[sum_to] " + to_string(shape) + " does not broadcast to " + to_string(x[0].shape) + ".");
    Examples examples = x[0].examples;
    if (examples == Examples::axis0 && (shape.rank() < x[0].shape.rank() || shape.front() != x[0].shape.front()))
      examples = Examples::mixed;
    return {shape, examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape& from = x[0].shape();
    if (from.size() == shape.size()) return x[0].reshaped(shape);
    std::vector<bool> reduced(from.rank());
    for (std::size_t back = 1; back <= from.rank(); ++back)
      reduced[from.rank() - back] = back > shape.rank() || (shape.from_right(back) == 1 && from.from_right(back) != 1);
    Array<T> y(shape);
    kernels::sum_axes(from, reduced, x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override { return sum_to_argument(dx[0], x[0].rank(), shape); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {broadcast_to(align_probes(ybar, y.shape(), x[0].rank()), with_probes_of(ybar, y.rank(), x[0].shape()))};
  }
};

template <class T>
struct Affine : Op<T> {
  double scale, shift;
  Affine(double a, double b) : scale(a), shift(b) {}
  std::string name() const override { return "affine"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return x[0].examples; }
  Spec infer(std::span<const Spec> x) const override { return x[0]; }
  Array<T> eval(std::span<const Array<T>> x) const override {
    if (scale == 1.0 && shift == 0.0) return x[0];
    Array<T> y(x[0].shape());
    kernels::affine(y.size(), static_cast<T>(scale), static_cast<T>(shift), x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dx) const override { return affine(dx[0], scale, 0.0); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {affine(ybar, scale, 0.0)};
  }
};

template <class T>
struct BinaryOp : Op<T> {
  Binary op;
  Ties ties;
  explicit BinaryOp(Binary o, Ties t = Ties::halved) : op(o), ties(t) {}
  std::string name() const override {
    switch (op) {
      case Binary::add:
        return "add";
      case Binary::subtract:
        return "subtract";
      case Binary::multiply:
        return "multiply";
      case Binary::divide:
        return "divide";
      case Binary::maximum:
        return "maximum";
      case Binary::power:
        return "pow";
      case Binary::minimum:
        break;
    }
    return "minimum";
  }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return common_place(x); }
  Spec infer(std::span<const Spec> x) const override {
    const Shape shape = broadcast_shapes(x[0].shape, x[1].shape, name().c_str());
    return {shape, elementwise_examples(x, shape)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape shape = broadcast_shapes(x[0].shape(), x[1].shape(), "binary");
    Array<T> y(shape);
    kernels::binary(op, shape, x[0].data(), x[0].shape(), x[1].data(), x[1].shape(), y.mutable_data());
    return y;
  }
  // The factor by which a tangent of argument `i` is multiplied; undefined where it is 1.
  Var<T> slope(std::size_t i, Vars<T> x, const Var<T>& y) const {
    switch (op) {
      case Binary::add:
        return {};
      case Binary::subtract:
        return {};
      case Binary::multiply:
        return x[1 - i];
      case Binary::divide:
        return i == 0 ? 1.0 / x[1] : -y / x[1];
      case Binary::maximum:
        return taken(i, x[1] - x[0]);
      case Binary::power:
        return i == 0 ? where(x[1], x[1] * pow(x[0], x[1] - 1.0), Var<T>(Array<T>::scalar(0)))
                      : where(abs(x[0]) + step(-x[1]), y * log(x[0]), Var<T>(Array<T>::scalar(0)));
      case Binary::minimum:
        break;
    }
    return taken(i, x[0] - x[1]);
  }
  // The slope of a maximum or minimum in argument i: the second is the result where `second` is positive.
  Var<T> taken(std::size_t i, const Var<T>& second) const {
    if (ties == Ties::first) return i == 1 ? step(second) : 1.0 - step(second);
    const Var<T> twice = step(second) + (1.0 - step(-second));  // 2, 1 or 0
    return i == 1 ? 0.5 * twice : 1.0 - 0.5 * twice;
  }
  Var<T> contribution(std::size_t i, Vars<T> x, const Var<T>& y, const Var<T>& tangent) const {
    const Var<T> s = slope(i, x, y);
    if (s.defined()) return tangent * s;
    return op == Binary::subtract && i == 1 ? -tangent : tangent;
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    for (std::size_t i = 0; i < 2; ++i) {
      if (!dx[i].defined()) continue;
      const Var<T> term = contribution(i, x, y, align_probes(dx[i], x[i].shape(), y.rank()));
      dy = dy.defined() ? dy + term : broadcast_tangent(y, term, with_probes_of(dx[i], x[i].rank(), y.shape()));
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(2);
    for (std::size_t i = 0; i < 2; ++i)
      if (wanted[i]) out[i] = sum_to_argument(contribution(i, x, y, ybar), y.rank(), x[i].shape());
    return out;
  }
  // For a bias that is added, the gradient of an example is its cotangent summed over positions. For a scale it is the
  // same after a multiplication by what was scaled.
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    const Shape& parameter = x[argument].shape();
    const Shape& other = x[1 - argument].shape();
    const bool bias = op == Binary::add || op == Binary::subtract;
    const std::size_t lead = other.rank() - std::min(other.rank(), parameter.rank());
    if ((!bias && op != Binary::multiply) || parameter.rank() == 0 || lead == 0 ||
        !(other.slice(lead, other.rank()) == parameter))
      return std::nullopt;
    Factor<T> out;
    out.kind = bias ? FactorKind::bias : FactorKind::diag;
    out.parameter = parameter;
    out.probes = std::max<std::size_t>(1, probes(ybar, other.rank()));
    out.examples = other.front();
    out.positions = other.slice(1, lead).size();
    const Var<T> left = bias ? contribution(argument, x, Var<T>(), ybar) : ybar;
    out.left = left.value().reshaped({out.probes, out.examples, out.positions, parameter.size()});
    if (!bias) out.right = x[1 - argument].value().reshaped({out.examples, out.positions, parameter.size()});
    return out;
  }
};

template <class T>
struct Where : Op<T> {
  std::string name() const override { return "where"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return common_place(x); }
  Spec infer(std::span<const Spec> x) const override {
    const Shape shape = broadcast_shapes(x[0].shape, broadcast_shapes(x[1].shape, x[2].shape, "where"), "where");
    return {shape, elementwise_examples(x, shape)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(broadcast_shapes(x[0].shape(), broadcast_shapes(x[1].shape(), x[2].shape(), "where"), "where"));
    Array<T> full[3];
    for (std::size_t i = 0; i < 3; ++i) {
      full[i] = x[i];
      if (x[i].size() == y.size() || x[i].size() == 1) continue;
      full[i] = Array<T>(y.shape());
      kernels::broadcast(y.shape(), x[i].data(), x[i].shape(), full[i].mutable_data());
    }
    const auto step = [&](std::size_t i) { return full[i].size() == y.size() ? std::size_t{1} : std::size_t{0}; };
    kernels::where(y.size(), full[0].data(), step(0), full[1].data(), step(1), full[2].data(), step(2),
                   y.mutable_data());
    return y;
  }
  static Var<T> zero() { return Var<T>(Array<T>::scalar(0)); }
  static Var<T> taken(std::size_t i, const Var<T>& mask, const Var<T>& tangent) {
    return i == 1 ? where(mask, tangent, zero()) : where(mask, zero(), tangent);
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    for (std::size_t i = 1; i < 3; ++i) {
      if (!dx[i].defined()) continue;
      const Var<T> term = taken(i, x[0], align_probes(dx[i], x[i].shape(), y.rank()));
      dy = dy.defined() ? dy + term : broadcast_tangent(y, term, with_probes_of(dx[i], x[i].rank(), y.shape()));
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(3);
    for (std::size_t i = 1; i < 3; ++i)
      if (wanted[i]) out[i] = sum_to_argument(taken(i, x[0], ybar), y.rank(), x[i].shape());
    return out;
  }
};

}  // namespace

template <class T>
Var<T> pow(const Var<T>& a, const Var<T>& b) {
  return apply_op(BinaryOp<T>(Binary::power), a, b);
}
template <class T>
Var<T> where(const Var<T>& mask, const Var<T>& a, const Var<T>& b) {
  return apply_op(Where<T>(), mask, a, b);
}
template <class T>
Var<T> add(const Var<T>& a, const Var<T>& b) {
  return apply_op(BinaryOp<T>(Binary::add), a, b);
}
template <class T>
Var<T> subtract(const Var<T>& a, const Var<T>& b) {
  return apply_op(BinaryOp<T>(Binary::subtract), a, b);
}
template <class T>
Var<T> multiply(const Var<T>& a, const Var<T>& b) {
  return apply_op(BinaryOp<T>(Binary::multiply), a, b);
}
template <class T>
Var<T> divide(const Var<T>& a, const Var<T>& b) {
  return apply_op(BinaryOp<T>(Binary::divide), a, b);
}
template <class T>
Var<T> maximum(const Var<T>& a, const Var<T>& b, Ties ties) {
  return apply_op(BinaryOp<T>(Binary::maximum, ties), a, b);
}
template <class T>
Var<T> minimum(const Var<T>& a, const Var<T>& b, Ties ties) {
  return apply_op(BinaryOp<T>(Binary::minimum, ties), a, b);
}
template <class T>
Var<T> affine(const Var<T>& x, double scale, double shift) {
  return apply_op(Affine<T>(scale, shift), x);
}

template <class T>
std::optional<double> scale_of(const Op<T>& op) {
  const auto* affine = dynamic_cast<const Affine<T>*>(&op);
  if (!affine || affine->shift != 0) return std::nullopt;
  return affine->scale;
}

template <class T>
Var<T> sum_to(const Var<T>& x, const Shape& shape) {
  return x.shape() == shape ? x : apply_op(SumTo<T>(shape), x);
}
template <class T>
Var<T> broadcast_to(const Var<T>& x, const Shape& shape) {
  return x.shape() == shape ? x : apply_op(BroadcastTo<T>(shape), x);
}
template <class T>
Var<T> align_probes(const Var<T>& tangent, const Shape& from, std::size_t to_rank) {
  if (tangent.rank() == from.rank() || from.rank() == to_rank) return tangent;
  Shape shape{tangent.shape().front()};
  for (std::size_t i = from.rank(); i < to_rank; ++i) shape.push_back(1);
  return reshape(tangent, shape.joined(from));
}

template std::optional<double> scale_of(const Op<float>&);
template std::optional<double> scale_of(const Op<double>&);

#define XTANGENT_INSTANTIATE(T)                                       \
  template Var<T> add(const Var<T>&, const Var<T>&);                  \
  template Var<T> subtract(const Var<T>&, const Var<T>&);             \
  template Var<T> multiply(const Var<T>&, const Var<T>&);             \
  template Var<T> divide(const Var<T>&, const Var<T>&);               \
  template Var<T> maximum(const Var<T>&, const Var<T>&, Ties);        \
  template Var<T> minimum(const Var<T>&, const Var<T>&, Ties);        \
  template Var<T> affine(const Var<T>&, double, double);              \
  template Var<T> pow(const Var<T>&, const Var<T>&);                  \
  template Var<T> where(const Var<T>&, const Var<T>&, const Var<T>&); \
  template Var<T> sum_to(const Var<T>&, const Shape&);                \
  template Var<T> broadcast_to(const Var<T>&, const Shape&);          \
  template Var<T> align_probes(const Var<T>&, const Shape&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
