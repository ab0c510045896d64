#include "autodiff/ops/normalization.hpp"

#include <algorithm>

#include "autodiff/kernels/normalize.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/scale_channels.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

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
    if (is_plain(t) && all_constant(x, t)) {
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

// The axes of x (N, C, ...) with the channels as groups.
template <class T>
Axes channel_axes(const char* who, const Var<T>& x) {
  if (x.rank() < 2)
    throw shape_error(std::string("[") + who + "] got " + to_string(x.shape()) + ". Expected (N, C, ...).");
  return {1, 1, x.rank() - 2};
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
