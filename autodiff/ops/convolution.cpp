// The trilinear form <ybar, conv(x, w)> has three derivatives, with respect to ybar, x and w, and each of three ops
// computes one of them. So the rules of each op are the other two ops, which are in convolution_transposes.cpp.
#include "autodiff/ops/convolution.hpp"

#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/convolution.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/convolution_rules.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

using kernels::ConvShape;

void check_bias(const std::string& who, const Shape& b, const Shape& w) {
  if (!(b == Shape{w[0]}))
    throw shape_error("[" + who + "] bias " + to_string(b) + " for weight " + to_string(w) + ": must be (" +
                      std::to_string(w[0]) + ",).");
}

Shape ones(std::size_t axes) {
  Shape out;
  for (std::size_t a = 0; a < axes; ++a) out.push_back(1);
  return out;
}

template <class T>
struct Conv : Op<T> {
  ConvGeometry geometry;
  explicit Conv(const ConvGeometry& g) : geometry(g) {}
  std::string name() const override { return geometry.name(); }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    for (const Placed& parameter : x.subspan(1))
      if (parameter.examples.back > 0) return std::nullopt;
    if (x[0].examples.back <= geometry.image_rank()) return std::nullopt;
    return x[0].examples;
  }

  Shape result(const Shape& x, const Shape& w) const {
    return geometry.lead(x).joined({w[0]}).joined(geometry.out_extents(geometry.of_images(x, w)));
  }
  Spec infer(std::span<const Spec> x) const override {
    geometry.check(name(), x[0].shape, x[1].shape);
    if (x.size() == 3) check_bias(name(), x[2].shape, x[1].shape);
    return {result(x[0].shape, x[1].shape), examples_of_images(x[0], x.subspan(1), geometry)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(result(x[0].shape(), x[1].shape()));
    kernels::conv2d(geometry.of_images(x[0].shape(), x[1].shape()), geometry.lead(x[0].shape()).size(), x[1].shape()[0],
                    x[0].data(), x[1].data(), x.size() == 3 ? x[2].data() : nullptr, y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    const auto add_term = [&](Var<T> term) { dy = dy.defined() ? dy + term : term; };
    if (dx[0].defined()) add_term(Convolution<T>::forward(dx[0], x[1], {}, geometry));
    if (dx[1].defined()) add_term(Convolution<T>::forward_any(x[0], dx[1], geometry));
    if (x.size() == 3 && dx[2].defined()) {
      const Shape each = ones(geometry.axes);
      const Var<T> channel = reshape(dx[2], dx[2].shape().joined(each));
      const Var<T> aligned = align_probes(channel, x[2].shape().joined(each), y.rank());
      if (dy.defined())
        dy = dy + aligned;
      else
        dy = broadcast_tangent(y, aligned, with_probes_of(dx[2], 1, y.shape()));
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(x.size());
    const Shape &images = x[0].shape(), &w = x[1].shape();
    if (wanted[0]) out[0] = Convolution<T>::input(ybar, x[1], geometry.extents(images), geometry);
    if (wanted[1])
      out[1] = Convolution<T>::weight(x[0], ybar, geometry.lead(images).rank(), geometry.extents(w), geometry);
    if (x.size() == 3 && wanted[2]) {
      const std::size_t positions = geometry.extents(y.shape()).size();
      const Var<T> flat =
          reshape(ybar, with_probes_of(ybar, y.rank(), Shape{geometry.lead(images).size(), w[0], positions}));
      out[2] = reshape(sum_to(flat, with_probes_of(ybar, y.rank(), Shape{1, w[0], 1})),
                       with_probes_of(ybar, y.rank(), Shape{w[0]}));
    }
    return out;
  }
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    if (argument == 0 || x[0].rank() != geometry.weight_rank()) return std::nullopt;
    const ConvShape s = geometry.of_images(x[0].shape(), x[1].shape());
    Factor<T> f;
    f.parameter = x[argument].shape();
    f.probes = std::max<std::size_t>(1, probes(ybar, geometry.weight_rank()));
    f.examples = x[0].shape().front();
    f.positions = s.positions();
    f.channels_first = true;
    f.left = ybar.value().reshaped({f.probes, f.examples, x[1].shape()[0], f.positions});
    f.kind = FactorKind::bias;
    if (argument == 1) {
      f.kind = FactorKind::outer_sum;
      f.right = x[0].value();
      f.patches = s;
    }
    return f;
  }
  double flop(std::span<const Shape> x, const Shape& y) const override {
    return 2.0 * static_cast<double>(y.size()) * static_cast<double>(x[1].size() / std::max<std::size_t>(1, x[1][0]));
  }
};

// How wide the padding of one axis is on its two sides.
struct Sides {
  std::size_t before, behind;
};

Sides sides(const std::string& who, std::size_t padding, std::size_t kernel, std::size_t stride, std::size_t dilation) {
  if (padding != same_padding) return {padding, padding};
  if (stride != 1)
    throw shape_error("[" + who + "] same_padding with a stride of " + std::to_string(stride) +
                      ". It is for stride 1: name a padding instead.");
  const std::size_t total = kernel == 0 ? 0 : dilation * (kernel - 1);
  return {total / 2, total - total / 2};
}

// Pads x where the op itself cannot, and leaves the padding of the op in the options. `pairs` begins with the last
// axis.
template <class T>
Var<T> padded(const Var<T>& x, const std::vector<Sides>& pairs, PadMode mode, bool& by_op) {
  by_op = mode == PadMode::zeros;
  std::vector<std::size_t> sizes;
  for (const Sides& s : pairs) {
    by_op = by_op && s.before == s.behind;
    sizes.push_back(s.before);
    sizes.push_back(s.behind);
  }
  return by_op ? x : pad(x, sizes, {.mode = mode});
}

}  // namespace

template <class T>
Var<T> Convolution<T>::forward(const Var<T>& x, const Var<T>& w, const Var<T>& b, const ConvGeometry& g) {
  return b.defined() ? apply_op(Conv<T>(g), x, w, b) : apply_op(Conv<T>(g), x, w);
}

template <class T>
Var<T> conv2d(const Var<T>& x, const Var<T>& w, const Var<T>& b, Conv2dOptions o) {
  const FunctionName name("conv2d", x, w, b);
  if (x.rank() < 3 || w.rank() != 4) ConvGeometry("conv2d", Conv2dOptions{}).check("conv2d", x.shape(), w.shape());
  const Sides columns = sides("conv2d", o.padding.width, w.shape()[3], o.stride.width, o.dilation.width);
  const Sides rows = sides("conv2d", o.padding.height, w.shape()[2], o.stride.height, o.dilation.height);
  bool by_op = true;
  const Var<T> images = padded(x, {columns, rows}, o.padding_mode, by_op);
  o.padding = by_op ? Extent2d{rows.before, columns.before} : Extent2d{0};
  o.padding_mode = PadMode::zeros;
  return Convolution<T>::forward(images, w, b, {"conv2d", o});
}

template <class T>
Var<T> conv3d(const Var<T>& x, const Var<T>& w, const Var<T>& b, Conv3dOptions o) {
  const FunctionName name("conv3d", x, w, b);
  if (x.rank() < 4 || w.rank() != 5) ConvGeometry("conv3d", Conv3dOptions{}).check("conv3d", x.shape(), w.shape());
  const Sides columns = sides("conv3d", o.padding.width, w.shape()[4], o.stride.width, o.dilation.width);
  const Sides rows = sides("conv3d", o.padding.height, w.shape()[3], o.stride.height, o.dilation.height);
  const Sides planes = sides("conv3d", o.padding.depth, w.shape()[2], o.stride.depth, o.dilation.depth);
  bool by_op = true;
  const Var<T> volumes = padded(x, {columns, rows, planes}, o.padding_mode, by_op);
  o.padding = by_op ? Extent3d{planes.before, rows.before, columns.before} : Extent3d{0};
  o.padding_mode = PadMode::zeros;
  return Convolution<T>::forward(volumes, w, b, {"conv3d", o});
}

template <class T>
Var<T> conv1d(const Var<T>& x, const Var<T>& w, const Var<T>& b, Conv1dOptions o) {
  const FunctionName name("conv1d", x, w, b);
  if (x.rank() < 2 || w.rank() != 3)
    throw shape_error("[conv1d] needs signals (..., I, L) and a weight (C, I / groups, KL), got " +
                      to_string(x.shape()) + " and " + to_string(w.shape()) + ".");
  const Sides ends = sides("conv1d", o.padding, w.shape()[2], o.stride, o.dilation);
  bool by_op = true;
  const Var<T> signals = padded(x, {ends}, o.padding_mode, by_op);
  const Conv2dOptions wide = {.stride = {1, o.stride},
                              .padding = {0, by_op ? ends.before : 0},
                              .dilation = {1, o.dilation},
                              .groups = o.groups};
  const Var<T> images = with_height(signals), weight = with_height(w);
  ConvGeometry("conv1d", wide).check("conv1d", images.shape(), weight.shape());
  if (b.defined()) check_bias("conv1d", b.shape(), w.shape());
  return without_height(conv2d(images, weight, b, wide));
}

#define XTANGENT_INSTANTIATE(T)                                                                              \
  template Var<T> Convolution<T>::forward(const Var<T>&, const Var<T>&, const Var<T>&, const ConvGeometry&); \
  template Var<T> conv1d(const Var<T>&, const Var<T>&, const Var<T>&, Conv1dOptions);                        \
  template Var<T> conv2d(const Var<T>&, const Var<T>&, const Var<T>&, Conv2dOptions);                        \
  template Var<T> conv3d(const Var<T>&, const Var<T>&, const Var<T>&, Conv3dOptions);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
