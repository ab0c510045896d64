#include "autodiff/ops/normalization.hpp"

#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/normalize.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

// The axes of a value as (outer, groups, inner). Axes count from the right, so a probe axis may come in front.
struct Axes {
  std::size_t outer, groups, inner;

  std::size_t rank() const { return outer + groups + inner; }
  kernels::Groups of(const Shape& x) const {
    return {x.slice(0, outer).size(), x.slice(outer, outer + groups).size(), x.slice(outer + groups, x.rank()).size()};
  }
  Shape groups_of(const Shape& x) const { return x.slice(outer, outer + groups); }
  // Outer and inner axes.
  std::vector<long> others() const {
    std::vector<long> out;
    for (std::size_t back = rank(); back > 0; --back)
      if (back <= inner || back > inner + groups) out.push_back(-static_cast<long>(back));
    return out;
  }
  // One number for each group (behind a probe axis, if there is one), reshaped to broadcast against the value.
  template <class T>
  Var<T> spread(const Var<T>& v) const {
    Shape shape;
    if (v.rank() > groups) shape.push_back(v.shape().front());
    for (std::size_t a = 0; a < outer && v.rank() > groups; ++a) shape.push_back(1);
    shape = shape.joined(v.shape().slice(v.rank() - groups, v.rank()));
    for (std::size_t a = 0; a < inner; ++a) shape.push_back(1);
    return reshape(v, shape);
  }
  // The sum of each group; a copy where groups have one element.
  template <class T>
  Var<T> total(const Var<T>& v) const {
    const std::vector<long> axes = others();
    return axes.empty() ? v : sum(v, axes);
  }
};

template <class T>
bool all_constant(Vars<T> x, const Var<T>& t) {
  return t.is_constant() && std::all_of(x.begin(), x.end(), [](const Var<T>& v) { return v.is_constant(); });
}

template <class T>
Var<T> standardized(const Var<T>& x, const Axes& axes, double epsilon);

// The moments of the groups of one value, computed earlier. Values never change, so the moments are right for every
// array that begins at the same address.
template <class T>
struct KnownMoments {
  Array<T> x;
  std::vector<kernels::Moments> values;
};

// x normalized with the statistics of its groups; with three arguments then times a weight plus a bias for each group.
template <class T>
struct Standardize : Op<T> {
  Axes axes;
  double epsilon;
  std::shared_ptr<const KnownMoments<T>> known;
  Standardize(Axes a, double e, std::shared_ptr<const KnownMoments<T>> k = nullptr)
      : axes(a), epsilon(e), known(std::move(k)) {}
  const kernels::Moments* moments_of(const Array<T>& x) const {
    return known && known->x.data() == x.data() && known->x.shape() == x.shape() ? known->values.data() : nullptr;
  }
  std::string name() const override { return x_is_mixed() ? "batch_norm" : "standardize"; }
  bool x_is_mixed() const { return axes.outer > 0 || axes.groups == 0; }
  bool vector_mode() const override { return true; }
  // Each group stands for itself, so examples may be in any axis of the groups.
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    if (x_is_mixed() || x.size() > 1 || x[0].examples.back <= axes.inner) return std::nullopt;
    return x[0].examples;
  }
  std::shared_ptr<const Op<T>> in_front(std::span<const Placed>, std::size_t) const override {
    return std::make_shared<const Standardize>(Axes{0, axes.groups + 1, axes.inner}, epsilon);
  }
  Spec infer(std::span<const Spec> x) const override {
    Examples examples = x[0].examples == Examples::axis0 && x_is_mixed() ? Examples::mixed : x[0].examples;
    for (const Spec& parameter : x.subspan(1))
      if (parameter.examples != Examples::none) examples = Examples::mixed;
    return {x[0].shape, examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(x[0].shape());
    if (y.size() == 0) return y;
    kernels::standardize(axes.of(x[0].shape()), epsilon, moments_of(x[0]), x[0].data(),
                         x.size() > 1 ? x[1].data() : nullptr, x.size() > 1 ? x[2].data() : nullptr, y.mutable_data());
    return y;
  }
  struct Slopes {
    Var<T> along, sums, products;
  };
  // For constants, in one pass.
  Slopes fused(Vars<T> x, const Var<T>& t, bool along, bool sums, bool products) const {
    const std::size_t repeats = std::max<std::size_t>(1, probes(t, axes.rank()));
    const Shape groups = with_probes_of(t, axes.rank(), axes.groups_of(x[0].shape()));
    Array<T> a, s, p;
    if (along) a = Array<T>(t.shape());
    if (sums) s = Array<T>(groups);
    if (products) p = Array<T>(groups);
    if (t.size() > 0)
      kernels::standardize_slope(axes.of(x[0].shape()), epsilon, moments_of(x[0].value()), repeats, x[0].value().data(),
                                 x.size() > 1 ? x[1].value().data() : nullptr, t.value().data(),
                                 along ? a.mutable_data() : nullptr, sums ? s.mutable_data() : nullptr,
                                 products ? p.mutable_data() : nullptr);
    return {Var<T>(a), Var<T>(s), Var<T>(p)};
  }
  // The derivative along t, with Vars so that it can be differentiated again.
  Var<T> along(Vars<T> x, const Var<T>& t) const {
    if (all_constant(x, t)) {
      const Array<T> dy = fused(x, t, true, false, false).along.value();
      return Var<T>(dy, t.rank() == x[0].rank() && !x_is_mixed() ? x[0].examples() : Examples::none);
    }
    const std::vector<long> others = axes.others();
    const Var<T> u = standardized(x[0], axes, epsilon);
    Var<T> slope = reciprocal(sqrt(variance(x[0], others, {.keepdims = true}) + epsilon));
    if (x.size() > 1) slope = slope * axes.spread(x[1]);
    return slope * (t - mean(t, others, true) - u * mean(t * u, others, true));
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    if (dx[0].defined()) dy = along(x, dx[0]);
    if (x.size() > 1 && dx[1].defined()) {
      const Var<T> term = standardized(x[0], axes, epsilon) * axes.spread(dx[1]);
      dy = dy.defined() ? dy + term : term;
    }
    if (x.size() > 1 && dx[2].defined()) {
      const Var<T> term = axes.spread(dx[2]);
      dy = dy.defined() ? dy + term : broadcast_tangent(y, term, with_probes_of(dx[2], axes.groups, y.shape()));
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted& wanted) const override {
    const bool weight = x.size() > 1 && wanted[1], bias = x.size() > 1 && wanted[2];
    std::vector<Var<T>> out(x.size());
    if (all_constant(x, ybar)) {
      Slopes s = fused(x, ybar, wanted[0], bias, weight);
      out[0] = s.along;
      if (weight) out[1] = s.products;
      if (bias) out[2] = s.sums;
      return out;
    }
    if (wanted[0]) out[0] = along(x, ybar);
    if (weight) out[1] = axes.total(ybar * standardized(x[0], axes, epsilon));
    if (bias) out[2] = axes.total(ybar);
    return out;
  }
  double flop(std::span<const Shape>, const Shape& y) const override { return 8.0 * static_cast<double>(y.size()); }
};

template <class T>
Var<T> standardized(const Var<T>& x, const Axes& axes, double epsilon) {
  return apply_op(Standardize<T>(axes, epsilon), x);
}

// scale (x - mean) inverse + shift. `mean` and `inverse` are constants of the op; undefined they count as 0 and 1.
template <class T>
struct ScaleChannels : Op<T> {
  Axes axes;
  Var<T> mean, inverse;
  ScaleChannels(Axes a, Var<T> m, Var<T> i) : axes(a), mean(std::move(m)), inverse(std::move(i)) {}
  std::string name() const override { return mean.defined() ? "batch_norm" : "scale_channels"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    for (const Placed& parameter : x.subspan(1))
      if (parameter.examples.back > 0) return std::nullopt;
    if (x[0].examples.back <= axes.groups + axes.inner) return std::nullopt;
    return x[0].examples;
  }
  std::shared_ptr<const Op<T>> in_front(std::span<const Placed>, std::size_t) const override {
    return std::make_shared<const ScaleChannels>(Axes{axes.outer + 1, axes.groups, axes.inner}, mean, inverse);
  }
  Spec infer(std::span<const Spec> x) const override {
    Examples examples = x[0].examples;
    for (const Spec& parameter : x.subspan(1))
      if (parameter.examples != Examples::none) examples = Examples::mixed;
    if (examples == Examples::axis0 && axes.outer == 0) examples = Examples::mixed;
    return {x[0].shape, examples};
  }
  Var<T> slope(Vars<T> x) const { return inverse.defined() ? x[1] * inverse : x[1]; }
  Var<T> unscaled(const Var<T>& x) const {
    return mean.defined() ? scale_channels(x, inverse, -(mean * inverse), axes.inner) : x;
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(x[0].shape());
    const Var<T> scale = inverse.defined() ? Var<T>(x[1]) * inverse : Var<T>(x[1]);
    Var<T> shift = x.size() > 2 ? Var<T>(x[2]) : Var<T>();
    if (mean.defined()) shift = shift.defined() ? shift - mean * scale : -(mean * scale);
    kernels::scale_channels(axes.of(x[0].shape()), x[0].data(), scale.value().data(),
                            shift.defined() ? shift.value().data() : nullptr, y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    if (dx[0].defined()) dy = scale_channels(dx[0], slope(x), Var<T>(), axes.inner);
    if (dx[1].defined()) {
      const Var<T> term = unscaled(x[0]) * axes.spread(dx[1]);
      dy = dy.defined() ? dy + term : term;
    }
    if (x.size() > 2 && dx[2].defined()) {
      const Var<T> term = axes.spread(dx[2]);
      dy = dy.defined() ? dy + term : broadcast_tangent(y, term, with_probes_of(dx[2], axes.groups, y.shape()));
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(x.size());
    if (wanted[0]) out[0] = scale_channels(ybar, slope(x), Var<T>(), axes.inner);
    if (wanted[1]) out[1] = products(x[0], ybar);
    if (x.size() > 2 && wanted[2]) out[2] = axes.total(ybar);
    return out;
  }
  // The cotangent of the scale.
  Var<T> products(const Var<T>& x, const Var<T>& ybar) const {
    if (!x.is_constant() || !ybar.is_constant()) return axes.total(ybar * unscaled(x));
    const kernels::Groups g = axes.of(x.shape());
    Array<T> out(with_probes_of(ybar, axes.rank(), axes.groups_of(x.shape())));
    const std::size_t repeats = std::max<std::size_t>(1, probes(ybar, axes.rank()));
    for (std::size_t k = 0; k < repeats; ++k)
      kernels::channel_products(g, ybar.value().data() + k * g.size(), x.value().data(),
                                mean.defined() ? mean.value().data() : nullptr, out.mutable_data() + k * g.groups);
    return inverse.defined() ? Var<T>(out) * inverse : Var<T>(out);
  }
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    const bool images = axes.outer == 1, rows = axes.inner == 0;  // (N, C, D) or (N, D, C)
    if (argument == 0 || (!images && !rows)) return std::nullopt;
    const kernels::Groups g = axes.of(x[0].shape());
    Factor<T> f;
    f.kind = argument == 1 ? FactorKind::diag : FactorKind::bias;
    f.parameter = x[argument].shape();
    f.probes = std::max<std::size_t>(1, probes(ybar, axes.rank()));
    f.examples = x[0].shape().front();
    f.channels_first = images;
    f.positions = images ? g.inner : x[0].shape().slice(1, axes.outer).size();
    const Shape one = images ? Shape{g.groups, f.positions} : Shape{f.positions, g.groups};
    f.left = ybar.value().reshaped(Shape{f.probes, f.examples}.joined(one));
    if (argument == 1) f.right = unscaled(x[0]).value().reshaped(Shape{f.examples}.joined(one));
    return f;
  }
  double flop(std::span<const Shape>, const Shape& y) const override { return 2.0 * static_cast<double>(y.size()); }
};

template <class T>
void check_parameter(const char* who, const Var<T>& parameter, const Shape& expected, const char* which) {
  if (parameter.defined() && !(parameter.shape() == expected))
    throw shape_error(std::string("[") + who + "] " + which + " of shape " + to_string(parameter.shape()) +
                      ", expected " + to_string(expected) + ".");
}

// The axes of x (N, C, ...) with the channels as groups.
template <class T>
Axes channel_axes(const char* who, const Var<T>& x) {
  if (x.rank() < 2)
    throw shape_error(std::string("[") + who + "] got " + to_string(x.shape()) + ". Expected (N, C, ...).");
  return {1, 1, x.rank() - 2};
}

template <class T>
Var<T> apply_scale(const Var<T>& x, const Axes& axes, const Var<T>& mean, const Var<T>& inverse, const Var<T>& scale,
                   const Var<T>& shift) {
  const ScaleChannels<T> op(axes, mean, inverse);
  return shift.defined() ? apply_op(op, x, scale, shift) : apply_op(op, x, scale);
}

template <class T>
std::vector<kernels::Moments> channel_moments(const Var<T>& x, const kernels::Groups& g) {
  std::vector<kernels::Moments> out(g.groups);
  kernels::moments(g, x.value().data(), out.data());
  return out;
}

template <class T>
ChannelStatistics<T> statistics_of(const std::vector<kernels::Moments>& moments) {
  std::vector<T> mean, variance;
  for (const kernels::Moments& m : moments) {
    mean.push_back(static_cast<T>(m.mean));
    variance.push_back(static_cast<T>(m.variance));
  }
  return {Array<T>::from({moments.size()}, mean), Array<T>::from({moments.size()}, variance)};
}

// y weight + bias; either of the two may be undefined.
template <class T>
Var<T> scaled(const Var<T>& y, const Var<T>& weight, const Var<T>& bias, std::size_t positions) {
  if (!weight.defined() && !bias.defined()) return y;
  return scale_channels(y, weight.defined() ? weight : Var<T>(Array<T>::ones(bias.shape())), bias, positions);
}

}  // namespace

template <class T>
Var<T> scale_channels(const Var<T>& x, const Var<T>& scale, const Var<T>& shift, std::size_t positions) {
  const std::size_t channels = scale.rank(), rank = x.rank();
  if (channels + positions > rank || !(x.shape().slice(rank - positions - channels, rank - positions) == scale.shape()))
    throw shape_error("[scale_channels] a scale of shape " + to_string(scale.shape()) + " for " + to_string(x.shape()) +
                      " with " + std::to_string(positions) + " axes of positions behind the channels.");
  check_parameter("scale_channels", shift, scale.shape(), "shift");
  return apply_scale(x, Axes{rank - positions - channels, channels, positions}, Var<T>(), Var<T>(), scale, shift);
}

template <class T>
Var<T> layer_norm(const Var<T>& x, const Shape& normalized, const Var<T>& weight, const Var<T>& bias, double epsilon) {
  const FunctionName name("layer_norm", x, weight, bias);
  const std::size_t rank = x.rank(), inner = normalized.rank();
  if (inner == 0 || normalized.size() == 0)
    throw shape_error("[layer_norm] nothing to normalize over: " + to_string(normalized) + ".");
  if (inner > rank || !(x.shape().slice(rank - inner, rank) == normalized))
    throw shape_error("[layer_norm] " + to_string(x.shape()) + " does not end in " + to_string(normalized) + ".");
  check_parameter("layer_norm", weight, normalized, "weight");
  check_parameter("layer_norm", bias, normalized, "bias");
  return scaled(standardized(x, Axes{0, rank - inner, inner}, epsilon), weight, bias, 0);
}

template <class T>
Var<T> group_norm(const Var<T>& x, std::size_t groups, const Var<T>& weight, const Var<T>& bias, double epsilon) {
  const FunctionName name("group_norm", x, weight, bias);
  const std::size_t positions = channel_axes("group_norm", x).inner;
  const Shape& shape = x.shape();
  if (groups == 0 || shape[1] % groups != 0)
    throw shape_error("[group_norm] " + std::to_string(groups) + " groups do not divide the channels of " +
                      to_string(shape) + ".");
  const std::size_t count = shape.slice(1, shape.rank()).size() / groups;
  if (count == 0) throw shape_error("[group_norm] nothing to normalize over: " + to_string(shape) + ".");
  check_parameter("group_norm", weight, Shape{shape[1]}, "weight");
  check_parameter("group_norm", bias, Shape{shape[1]}, "bias");
  const Var<T> y = standardized(reshape(x, {shape[0], groups, count}), Axes{0, 2, 1}, epsilon);
  return scaled(reshape(y, shape), weight, bias, positions);
}

template <class T>
BatchNormalized<T> normalize_batch(const Var<T>& x, const Var<T>& weight, const Var<T>& bias, double epsilon) {
  const Axes axes = channel_axes("batch_norm", x);
  const kernels::Groups g = axes.of(x.shape());
  const Shape channels{x.shape()[1]};
  check_parameter("batch_norm", weight, channels, "weight");
  check_parameter("batch_norm", bias, channels, "bias");
  if (g.count() < 2)
    throw shape_error("[batch_norm] channels of " + to_string(x.shape()) +
                      " have fewer than two elements. Give more examples, or use evaluation mode.");
  auto known = std::make_shared<KnownMoments<T>>(KnownMoments<T>{x.value(), channel_moments(x, g)});
  BatchNormalized<T> out;
  out.statistics = statistics_of<T>(known->values);
  const Standardize<T> op(axes, epsilon, std::move(known));
  if (!weight.defined() && !bias.defined())
    out.y = apply_op(op, x);
  else
    out.y = apply_op(op, x, weight.defined() ? weight : Var<T>(Array<T>::ones(channels)),
                     bias.defined() ? bias : Var<T>(Array<T>::zeros(channels)));
  return out;
}

template <class T>
Var<T> batch_norm(const Var<T>& x, const Var<T>& weight, const Var<T>& bias, double epsilon) {
  return normalize_batch(x, weight, bias, epsilon).y;
}

template <class T>
ChannelStatistics<T> channel_statistics(const Var<T>& x) {
  const kernels::Groups g = channel_axes("channel_statistics", x).of(x.shape());
  if (g.count() == 0) throw shape_error("[channel_statistics] channels of " + to_string(x.shape()) + " are empty.");
  return statistics_of<T>(channel_moments(x, g));
}

template <class T>
Var<T> frozen_batch_norm(const Var<T>& x, const ChannelStatistics<T>& statistics, const Var<T>& weight,
                         const Var<T>& bias, double epsilon) {
  const Axes axes = channel_axes("batch_norm", x);
  const Shape channels{x.shape()[1]};
  check_parameter("batch_norm", weight, channels, "weight");
  check_parameter("batch_norm", bias, channels, "bias");
  check_parameter("batch_norm", Var<T>(statistics.mean), channels, "mean");
  check_parameter("batch_norm", Var<T>(statistics.variance), channels, "variance");
  return apply_scale(x, axes, Var<T>(statistics.mean), reciprocal(sqrt(Var<T>(statistics.variance) + epsilon)),
                     weight.defined() ? weight : Var<T>(Array<T>::ones(channels)), bias);
}

#define XTANGENT_INSTANTIATE(T)                                                                     \
  template Var<T> scale_channels(const Var<T>&, const Var<T>&, const Var<T>&, std::size_t);         \
  template Var<T> layer_norm(const Var<T>&, const Shape&, const Var<T>&, const Var<T>&, double);    \
  template Var<T> group_norm(const Var<T>&, std::size_t, const Var<T>&, const Var<T>&, double);     \
  template BatchNormalized<T> normalize_batch(const Var<T>&, const Var<T>&, const Var<T>&, double); \
  template Var<T> batch_norm(const Var<T>&, const Var<T>&, const Var<T>&, double);                  \
  template ChannelStatistics<T> channel_statistics(const Var<T>&);                                  \
  template Var<T> frozen_batch_norm(const Var<T>&, const ChannelStatistics<T>&, const Var<T>&, const Var<T>&, double);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
