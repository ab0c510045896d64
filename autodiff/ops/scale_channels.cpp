#include "autodiff/ops/scale_channels.hpp"

#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/normalization.hpp"

namespace xtangent {
namespace {

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

}  // namespace

template <class T>
Var<T> apply_scale(const Var<T>& x, const Axes& axes, const Var<T>& mean, const Var<T>& inverse, const Var<T>& scale,
                   const Var<T>& shift) {
  const ScaleChannels<T> op(axes, mean, inverse);
  return shift.defined() ? apply_op(op, x, scale, shift) : apply_op(op, x, scale);
}

template <class T>
Var<T> scale_channels(const Var<T>& x, const Var<T>& scale, const Var<T>& shift, std::size_t positions) {
  const std::size_t channels = scale.rank(), rank = x.rank();
  if (channels + positions > rank || !(x.shape().slice(rank - positions - channels, rank - positions) == scale.shape()))
    throw shape_error("[scale_channels] a scale of shape " + to_string(scale.shape()) + " for " + to_string(x.shape()) +
                      " with " + std::to_string(positions) + " axes of positions behind the channels.");
  check_parameter("scale_channels", shift, scale.shape(), "shift");
  return apply_scale(x, Axes{rank - positions - channels, channels, positions}, Var<T>(), Var<T>(), scale, shift);
}

#define XTANGENT_INSTANTIATE(T)                                                                                        \
  template Var<T> apply_scale(const Var<T>&, const Axes&, const Var<T>&, const Var<T>&, const Var<T>&, const Var<T>&); \
  template Var<T> scale_channels(const Var<T>&, const Var<T>&, const Var<T>&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
