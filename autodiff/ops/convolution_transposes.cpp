// The transposes of a convolution in its images and in its weight. See convolution.cpp.
#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/im2col.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/convolution_rules.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent {
namespace {

using kernels::ConvShape;

// Weights (K, C, I, taps...) as those of one convolution with K C outputs. Groups stay outermost: (g, K, C / g)
// outputs.
template <class T>
Var<T> merge_probe_outputs(const Var<T>& w, std::size_t groups) {
  const Shape s = w.shape();
  const std::size_t each = s.slice(2, s.rank()).size();
  const Var<T> split = reshape(w, {s[0], groups, s[1] / groups, each});
  return reshape(transpose(split, {1, 0, 2, 3}), Shape{s[0] * s[1]}.joined(s.slice(2, s.rank())));
}

// From (images..., g K C / g, positions...) back to (K, images..., C, positions...).
template <class T>
Var<T> split_probe_channels(const Var<T>& y, const ConvGeometry& g, std::size_t k) {
  const Shape s = y.shape(), lead = g.lead(s), positions = g.extents(s);
  const std::size_t channels = s.from_right(g.image_rank()) / k;
  const Var<T> split = reshape(y, {lead.size(), g.groups, k, channels / g.groups, positions.size()});
  return reshape(transpose(split, {2, 0, 1, 3, 4}), lead.prepended(k).joined({channels}).joined(positions));
}

template <class T>
struct ConvInput : Op<T> {
  ConvGeometry geometry;
  Shape extents;
  ConvInput(const ConvGeometry& g, const Shape& e) : geometry(g), extents(e) {}
  std::string name() const override { return geometry.name("_input"); }
  bool vector_mode() const override { return true; }

  Shape result(const Shape& ybar, const Shape& w) const {
    return geometry.lead(ybar).joined({w[1] * geometry.groups}).joined(extents);
  }
  Spec infer(std::span<const Spec> x) const override {
    const Shape &ybar = x[0].shape, &w = x[1].shape;
    if (ybar.rank() < geometry.image_rank() || w.rank() != geometry.weight_rank())
      throw shape_error(
          "[" + name() + "] needs cotangents (..., C, positions) and a weight (C, I / groups, kernel) with " +
          std::to_string(geometry.axes) + " axes of positions, got " + to_string(ybar) + " and " + to_string(w) + ".");
    const Shape images = result(ybar, w);
    geometry.check(name(), images, w);
    if (ybar.from_right(geometry.image_rank()) != w[0] ||
        !(geometry.extents(ybar) == geometry.out_extents(geometry.of_images(images, w))))
      throw shape_error("[" + name() + "] cotangents " + to_string(ybar) + " do not belong to images " +
                        to_string(images) + " and weight " + to_string(w) + ".");
    return {images, examples_of_images(x[0], x.subspan(1), geometry)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(result(x[0].shape(), x[1].shape()));
    kernels::conv2d_input(geometry.of_images(y.shape(), x[1].shape()), geometry.lead(y.shape()).size(), x[1].shape()[0],
                          x[0].data(), x[1].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    Var<T> dy;
    if (dx[0].defined()) dy = Convolution<T>::input(dx[0], x[1], extents, geometry);
    if (dx[1].defined()) {
      const Var<T> term = Convolution<T>::input_any(x[0], dx[1], extents, geometry);
      dy = dy.defined() ? dy + term : term;
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& xbar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(2);
    if (wanted[0]) out[0] = Convolution<T>::forward(xbar, x[1], {}, geometry);
    if (wanted[1])
      out[1] = Convolution<T>::weight(xbar, x[0], geometry.lead(x[0].shape()).rank(), geometry.extents(x[1].shape()),
                                      geometry);
    return out;
  }
  // The gradient of an example is the sum of input (x) patch of the cotangent over the places of the input. So the
  // cotangents, which differ between probes, are on the side of the columns.
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    if (argument != 1 || x[0].rank() != geometry.weight_rank() || geometry.groups != 1) return std::nullopt;
    const Shape &in = x[0].shape(), &w = x[1].shape();
    const ConvShape s = geometry.of_images(Shape{w[1]}.joined(extents), w);
    Factor<T> f;
    f.parameter = w;
    f.probes = std::max<std::size_t>(1, probes(ybar, geometry.weight_rank()));
    f.examples = in[0];
    f.positions = s.positions();
    f.kind = f.positions == 1 ? FactorKind::outer : FactorKind::outer_sum;
    f.transposed = true;
    f.channels_first = true;
    f.left = Array<T>({f.probes, f.examples, s.patch_size(), f.positions});
    f.right = Array<T>({f.examples, f.positions, in[1]});
    T* patches = f.left.mutable_data();
    kernels::parallel_for(f.probes * f.examples, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i)
        kernels::im2col(s, 0, s.out_rows(), ybar.value().data() + i * s.input_size(),
                        patches + i * s.patch_size() * f.positions, f.positions);
    });
    kernels::transpose(Shape{f.examples, in[1], f.positions}, {0, 2, 1}, x[0].value().data(), f.right.mutable_data());
    return f;
  }
  double flop(std::span<const Shape> x, const Shape&) const override {
    return 2.0 * static_cast<double>(x[0].size()) *
           static_cast<double>(x[1].size() / std::max<std::size_t>(1, x[1][0]));
  }
};

// Axes in front of those of the images broadcast; the sum runs over the images.
template <class T>
struct ConvWeight : Op<T> {
  ConvGeometry geometry;
  std::size_t image_axes;
  Shape extents;  // the kernel's
  ConvWeight(const ConvGeometry& g, std::size_t images, const Shape& kernel)
      : geometry(g), image_axes(images), extents(kernel) {}
  std::string name() const override { return geometry.name("_weight"); }
  bool vector_mode() const override { return true; }

  std::size_t lead_rank(const Shape& x) const { return x.rank() - geometry.image_rank() - image_axes; }
  Shape images_of(const Shape& x) const { return x.slice(lead_rank(x), x.rank() - geometry.image_rank()); }
  Shape lead(const Shape& x) const { return x.slice(0, lead_rank(x)); }
  Shape kernel(const Shape& x, const Shape& ybar) const {
    const std::size_t back = geometry.image_rank();
    return Shape{ybar.from_right(back), x.from_right(back) / std::max<std::size_t>(1, geometry.groups)}.joined(extents);
  }
  Shape result(const Shape& x, const Shape& ybar) const {
    return broadcast_shapes(lead(x), lead(ybar), name().c_str()).joined(kernel(x, ybar));
  }
  Spec infer(std::span<const Spec> v) const override {
    const Shape &x = v[0].shape, &ybar = v[1].shape;
    const std::size_t least = image_axes + geometry.image_rank();
    if (x.rank() < least || ybar.rank() < least)
      throw shape_error("[" + name() + "] images " + to_string(x) + " and cotangents " + to_string(ybar) + " need " +
                        std::to_string(least) + " axes.");
    geometry.check(name(), x, kernel(x, ybar));
    if (!(images_of(x) == images_of(ybar)) ||
        !(geometry.extents(ybar) == geometry.out_extents(geometry.of_images(x, kernel(x, ybar)))))
      throw shape_error("[" + name() + "] cotangents " + to_string(ybar) + " do not belong to images " + to_string(x) +
                        " and a kernel of " + to_string(extents) + ".");
    const bool none = v[0].examples == Examples::none && v[1].examples == Examples::none;
    return {result(x, ybar), none ? Examples::none : Examples::mixed};
  }
  Array<T> eval(std::span<const Array<T>> v) const override {
    const Shape &x = v[0].shape(), &ybar = v[1].shape();
    Array<T> y(result(x, ybar));
    const ConvShape s = geometry.of_images(x, kernel(x, ybar));
    const std::size_t images = images_of(x).size(), channels = ybar.from_right(geometry.image_rank());
    const Shape leads = broadcast_shapes(lead(x), lead(ybar), name().c_str());
    const auto index = [&](const Shape& own, std::size_t i) {  // position of a broadcast lead index in an operand
      std::size_t at = 0, stride = 1;
      for (std::size_t back = 1; back <= own.rank(); ++back) {
        if (own.from_right(back) != 1) at += i % leads.from_right(back) * stride;
        i /= leads.from_right(back);
        stride *= own.from_right(back);
      }
      return at;
    };
    const std::size_t weight = kernel(x, ybar).size();
    for (std::size_t i = 0; i < leads.size(); ++i)
      kernels::conv2d_weight(s, images, channels, v[0].data() + index(lead(x), i) * images * s.input_size(),
                             v[1].data() + index(lead(ybar), i) * images * channels * s.positions(),
                             y.mutable_data() + i * weight);
    return y;
  }
  Var<T> same(const Var<T>& x, const Var<T>& ybar) const {
    return Convolution<T>::weight(x, ybar, image_axes, extents, geometry);
  }
  // The tangent of an argument, with its probe axis in front of all leading axes of the result.
  Var<T> aligned(const Var<T>& t, const Var<T>& argument, const Var<T>& w) const {
    return align_probes(t, argument.shape(), image_axes + geometry.image_rank() + w.rank() - geometry.weight_rank());
  }
  Var<T> jvp(Vars<T> x, const Var<T>& w, Vars<T> dx) const override {
    Var<T> dy;
    if (dx[0].defined()) dy = same(aligned(dx[0], x[0], w), x[1]);
    if (dx[1].defined()) {
      const Var<T> term = same(x[0], aligned(dx[1], x[1], w));
      dy = dy.defined() ? dy + term : term;
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& w, const Var<T>& wbar, const Wanted& wanted) const override {
    if (w.rank() > geometry.weight_rank()) return vjp_by_lead(x, w, wbar, wanted);
    std::vector<Var<T>> out(2);
    if (wanted[0]) out[0] = Convolution<T>::input_any(x[1], wbar, geometry.extents(x[0].shape()), geometry);
    if (wanted[1]) out[1] = Convolution<T>::forward_any(x[0], wbar, geometry);
    return out;
  }
  // For weights with axes in front: computes one index of the first such axis after the other.
  std::vector<Var<T>> vjp_by_lead(Vars<T> x, const Var<T>& w, const Var<T>& wbar, const Wanted& wanted) const {
    const std::size_t extent = w.shape().front(), leads = w.rank() - geometry.weight_rank();
    const auto drop = [](const Var<T>& v, std::size_t axis, std::size_t i) {
      Shape shape = v.shape().slice(0, axis);
      return reshape(slice(v, static_cast<long>(axis), i, i + 1), shape.joined(v.shape().slice(axis + 1, v.rank())));
    };
    std::vector<std::vector<Var<T>>> parts(2);
    for (std::size_t i = 0; i < extent; ++i) {
      std::vector<Var<T>> xi;
      for (const Var<T>& v : x) {
        const bool has = lead_rank(v.shape()) == leads;
        xi.push_back(has ? drop(v, 0, v.shape().front() == 1 ? 0 : i) : v);
      }
      const Var<T> wi = drop(w, 0, i), wbar_i = drop(wbar, wbar.rank() - w.rank(), i);
      std::vector<Var<T>> each = vjp(xi, wi, wbar_i, wanted);
      for (std::size_t a = 0; a < 2; ++a)
        if (wanted[a]) parts[a].push_back(each[a]);
    }
    std::vector<Var<T>> out(2);
    for (std::size_t a = 0; a < 2; ++a) {
      if (!wanted[a]) continue;
      const bool stacked = lead_rank(x[a].shape()) == leads && x[a].shape().front() != 1;
      if (!stacked) {
        for (const Var<T>& part : parts[a]) out[a] = out[a].defined() ? out[a] + part : part;
        out[a] = reshape(out[a], with_probes_of(wbar, w.rank(), x[a].shape()));
        continue;
      }
      const std::size_t axis = wbar.rank() - w.rank();
      for (Var<T>& part : parts[a])
        part = reshape(part, part.shape().slice(0, axis).joined(part.shape().slice(axis, part.rank()).prepended(1)));
      out[a] = concatenate<T>(parts[a], static_cast<long>(axis));
    }
    return out;
  }
};

}  // namespace

template <class T>
Var<T> Convolution<T>::input(const Var<T>& ybar, const Var<T>& w, const Shape& extents, const ConvGeometry& g) {
  return apply_op(ConvInput<T>(g, extents), ybar, w);
}
template <class T>
Var<T> Convolution<T>::weight(const Var<T>& x, const Var<T>& ybar, std::size_t image_axes, const Shape& kernel,
                              const ConvGeometry& g) {
  return apply_op(ConvWeight<T>(g, image_axes, kernel), x, ybar);
}
template <class T>
Var<T> Convolution<T>::forward_any(const Var<T>& x, const Var<T>& w, const ConvGeometry& g) {
  if (w.rank() == g.weight_rank()) return forward(x, w, {}, g);
  return split_probe_channels(forward(x, merge_probe_outputs(w, g.groups), {}, g), g, w.shape()[0]);
}
template <class T>
Var<T> Convolution<T>::input_any(const Var<T>& ybar, const Var<T>& w, const Shape& extents, const ConvGeometry& g) {
  if (w.rank() == g.weight_rank()) return input(ybar, w, extents, g);
  const Shape s = w.shape(), taps = s.slice(3, s.rank());  // (K, C, I, taps...) to (C, K I, taps...)
  const Var<T> by_output = transpose(reshape(w, {s[0], s[1], s[2] * taps.size()}), {1, 0, 2});
  const Var<T> merged = reshape(by_output, Shape{s[1], s[0] * s[2]}.joined(taps));
  return split_probe_channels(input(ybar, merged, extents, g), g, s[0]);
}

template <class T>
Var<T> conv2d_input(const Var<T>& ybar, const Var<T>& w, std::size_t height, std::size_t width, Conv2dOptions options) {
  return Convolution<T>::input(ybar, w, {height, width}, {"conv2d_input", options});
}
template <class T>
Var<T> conv2d_weight(const Var<T>& x, const Var<T>& ybar, std::size_t image_axes, std::size_t kernel_height,
                     std::size_t kernel_width, Conv2dOptions options) {
  return Convolution<T>::weight(x, ybar, image_axes, {kernel_height, kernel_width}, {"conv2d_weight", options});
}
template <class T>
Var<T> conv3d_input(const Var<T>& ybar, const Var<T>& w, Extent3d extents, Conv3dOptions options) {
  return Convolution<T>::input(ybar, w, {extents.depth, extents.height, extents.width}, {"conv3d_input", options});
}
template <class T>
Var<T> conv3d_weight(const Var<T>& x, const Var<T>& ybar, std::size_t image_axes, Extent3d kernel,
                     Conv3dOptions options) {
  return Convolution<T>::weight(x, ybar, image_axes, {kernel.depth, kernel.height, kernel.width},
                                {"conv3d_weight", options});
}

#define XTANGENT_INSTANTIATE(T)                                                                                      \
  template Var<T> Convolution<T>::input(const Var<T>&, const Var<T>&, const Shape&, const ConvGeometry&);            \
  template Var<T> Convolution<T>::weight(const Var<T>&, const Var<T>&, std::size_t, const Shape&,                    \
                                         const ConvGeometry&);                                                       \
  template Var<T> Convolution<T>::forward_any(const Var<T>&, const Var<T>&, const ConvGeometry&);                    \
  template Var<T> Convolution<T>::input_any(const Var<T>&, const Var<T>&, const Shape&, const ConvGeometry&);        \
  template Var<T> conv2d_input(const Var<T>&, const Var<T>&, std::size_t, std::size_t, Conv2dOptions);               \
  template Var<T> conv2d_weight(const Var<T>&, const Var<T>&, std::size_t, std::size_t, std::size_t, Conv2dOptions); \
  template Var<T> conv3d_input(const Var<T>&, const Var<T>&, Extent3d, Conv3dOptions);                               \
  template Var<T> conv3d_weight(const Var<T>&, const Var<T>&, std::size_t, Extent3d, Conv3dOptions);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
