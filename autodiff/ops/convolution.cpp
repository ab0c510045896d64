// The trilinear form <ybar, conv(x, w)> has three derivatives, with respect to ybar, x and w, and each of the three ops
// computes one of them. So the rules of each op are the other two ops.
#include "autodiff/ops/convolution.hpp"

#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/im2col.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

using kernels::ConvShape;

struct Geometry {
  Conv2dOptions options;

  ConvShape shape(std::size_t channels, std::size_t height, std::size_t width, const Shape& kernel) const {
    ConvShape s;
    s.channels = channels;
    s.height = height;
    s.width = width;
    s.kernel_height = kernel.from_right(2);
    s.kernel_width = kernel.from_right(1);
    s.stride_height = options.stride.height;
    s.stride_width = options.stride.width;
    s.padding_height = options.padding.height;
    s.padding_width = options.padding.width;
    s.dilation_height = options.dilation.height;
    s.dilation_width = options.dilation.width;
    s.groups = options.groups;
    return s;
  }
  ConvShape of_images(const Shape& x, const Shape& kernel) const {
    return shape(x.from_right(3), x.from_right(2), x.from_right(1), kernel);
  }

  // Checks everything that a user can get wrong about images and weights.
  void check(const char* who, const Shape& x, const Shape& w) const {
    const std::string op = std::string("[") + who + "] ";
    if (x.rank() < 3 || w.rank() != 4)
      throw shape_error(op + "needs images (..., I, H, W) and a weight (C, I / groups, KH, KW), got " + to_string(x) +
                        " and " + to_string(w) + ".");
    if (options.groups == 0 || options.stride.height == 0 || options.stride.width == 0 ||
        options.dilation.height == 0 || options.dilation.width == 0 || w[2] == 0 || w[3] == 0)
      throw shape_error(op + "groups, strides, dilations and kernel extents must be at least 1.");
    if (w[1] * options.groups != x.from_right(3) || w[0] % options.groups != 0)
      throw shape_error(op + "images " + to_string(x) + " and weight " + to_string(w) + " in " +
                        std::to_string(options.groups) +
                        " group(s) do not fit: the weight must be (C, I / groups, KH, "
                        "KW) with C a multiple of groups.");
    if (x.from_right(2) + 2 * options.padding.height < options.dilation.height * (w[2] - 1) + 1 ||
        x.from_right(1) + 2 * options.padding.width < options.dilation.width * (w[3] - 1) + 1)
      throw shape_error(op + "the kernel of weight " + to_string(w) + " is larger than the padded images " +
                        to_string(x) + ". Add padding, or use a smaller kernel.");
  }
};

void check_bias(const char* who, const Shape& b, const Shape& w) {
  if (!(b == Shape{w[0]}))
    throw shape_error(std::string("[") + who + "] bias " + to_string(b) + " for weight " + to_string(w) +
                      ": must be (" + std::to_string(w[0]) + ",).");
}

Shape images_axes(const Shape& x) { return x.slice(0, x.rank() - 3); }

Examples of_images(const Spec& x, std::span<const Spec> parameters) {
  if (x.examples == Examples::none || x.examples == Examples::mixed) {
    for (const Spec& p : parameters)
      if (p.examples != Examples::none) return Examples::mixed;
    return x.examples;
  }
  for (const Spec& p : parameters)
    if (p.examples != Examples::none) return Examples::mixed;
  return x.shape.rank() == 3 ? Examples::mixed : Examples::axis0;
}

// Weights (K, C, I, KH, KW) as those of one convolution with K C outputs. Groups stay outermost: (g, K, C / g) outputs.
template <class T>
Var<T> merge_probe_outputs(const Var<T>& w, std::size_t groups) {
  const Shape s = w.shape();
  const Var<T> split = reshape(w, {s[0], groups, s[1] / groups, s[2], s[3], s[4]});
  return reshape(transpose(split, {1, 0, 2, 3, 4, 5}), {s[0] * s[1], s[2], s[3], s[4]});
}

// From (images..., g K C / g, H, W) back to (K, images..., C, H, W).
template <class T>
Var<T> split_probe_channels(const Var<T>& y, std::size_t groups, std::size_t k) {
  const Shape s = y.shape();
  const std::size_t images = images_axes(s).size(), channels = s.from_right(3) / k;
  const std::size_t plane = s.from_right(1) * s.from_right(2);
  const Var<T> split = reshape(y, {images, groups, k, channels / groups, plane});
  return reshape(transpose(split, {2, 0, 1, 3, 4}),
                 images_axes(s).prepended(k).joined({channels, s.from_right(2), s.from_right(1)}));
}

template <class T>
Var<T> conv2d_any(const Var<T>& x, const Var<T>& w, const Conv2dOptions& o) {
  if (w.rank() == 4) return conv2d(x, w, {}, o);
  return split_probe_channels(conv2d(x, merge_probe_outputs(w, o.groups), {}, o), o.groups, w.shape()[0]);
}

template <class T>
Var<T> conv2d_input_any(const Var<T>& ybar, const Var<T>& w, std::size_t height, std::size_t width,
                        const Conv2dOptions& o) {
  if (w.rank() == 4) return conv2d_input(ybar, w, height, width, o);
  const Shape s = w.shape();  // (K, C, I, KH, KW) to (C, K I, KH, KW)
  const Var<T> merged = reshape(transpose(w, {1, 0, 2, 3, 4}), {s[1], s[0] * s[2], s[3], s[4]});
  return split_probe_channels(conv2d_input(ybar, merged, height, width, o), o.groups, s[0]);
}

template <class T>
struct Conv2d : Op<T> {
  Geometry geometry;
  explicit Conv2d(Conv2dOptions o) : geometry{o} {}
  std::string name() const override { return "conv2d"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    for (const Placed& parameter : x.subspan(1))
      if (parameter.examples.back > 0) return std::nullopt;
    if (x[0].examples.back <= 3) return std::nullopt;
    return x[0].examples;
  }

  Shape result(const Shape& x, const Shape& w) const {
    const ConvShape s = geometry.of_images(x, w);
    return images_axes(x).joined({w[0], s.out_height(), s.out_width()});
  }
  Spec infer(std::span<const Spec> x) const override {
    geometry.check("conv2d", x[0].shape, x[1].shape);
    if (x.size() == 3) check_bias("conv2d", x[2].shape, x[1].shape);
    return {result(x[0].shape, x[1].shape), of_images(x[0], x.subspan(1))};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(result(x[0].shape(), x[1].shape()));
    kernels::conv2d(geometry.of_images(x[0].shape(), x[1].shape()), images_axes(x[0].shape()).size(), x[1].shape()[0],
                    x[0].data(), x[1].data(), x.size() == 3 ? x[2].data() : nullptr, y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    const auto add_term = [&](Var<T> term) { dy = dy.defined() ? dy + term : term; };
    if (dx[0].defined()) add_term(conv2d(dx[0], x[1], {}, geometry.options));
    if (dx[1].defined()) add_term(conv2d_any(x[0], dx[1], geometry.options));
    if (x.size() == 3 && dx[2].defined()) {
      const Var<T> channel = reshape(dx[2], dx[2].shape().joined({1, 1}));
      const Var<T> aligned = align_probes(channel, Shape{x[2].shape()[0], 1, 1}, y.rank());
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
    if (wanted[0]) out[0] = conv2d_input(ybar, x[1], images.from_right(2), images.from_right(1), geometry.options);
    if (wanted[1]) out[1] = conv2d_weight(x[0], ybar, images.rank() - 3, w[2], w[3], geometry.options);
    if (x.size() == 3 && wanted[2]) {
      const std::size_t plane = y.shape().from_right(1) * y.shape().from_right(2);
      const Var<T> flat = reshape(ybar, with_probes_of(ybar, y.rank(), Shape{images_axes(images).size(), w[0], plane}));
      out[2] = reshape(sum_to(flat, with_probes_of(ybar, y.rank(), Shape{1, w[0], 1})),
                       with_probes_of(ybar, y.rank(), Shape{w[0]}));
    }
    return out;
  }
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    if (argument == 0 || x[0].rank() != 4) return std::nullopt;
    const ConvShape s = geometry.of_images(x[0].shape(), x[1].shape());
    Factor<T> f;
    f.parameter = x[argument].shape();
    f.probes = std::max<std::size_t>(1, probes(ybar, 4));
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

template <class T>
struct Conv2dInput : Op<T> {
  Geometry geometry;
  std::size_t height, width;
  Conv2dInput(Conv2dOptions o, std::size_t h, std::size_t w) : geometry{o}, height(h), width(w) {}
  std::string name() const override { return "conv2d_input"; }
  bool vector_mode() const override { return true; }

  Shape result(const Shape& ybar, const Shape& w) const {
    return images_axes(ybar).joined({w[1] * geometry.options.groups, height, width});
  }
  Spec infer(std::span<const Spec> x) const override {
    const Shape &ybar = x[0].shape, &w = x[1].shape;
    if (ybar.rank() < 3 || w.rank() != 4)
      throw shape_error("[conv2d_input] needs cotangents (..., C, OH, OW) and a weight (C, I / groups, KH, KW), got " +
                        to_string(ybar) + " and " + to_string(w) + ".");
    const Shape images = result(ybar, w);
    geometry.check("conv2d_input", images, w);
    const ConvShape s = geometry.of_images(images, w);
    if (ybar.from_right(3) != w[0] || ybar.from_right(2) != s.out_height() || ybar.from_right(1) != s.out_width())
      throw shape_error("[conv2d_input] cotangents " + to_string(ybar) + " do not belong to images " +
                        to_string(images) + " and weight " + to_string(w) + ".");
    return {images, of_images(x[0], x.subspan(1))};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(result(x[0].shape(), x[1].shape()));
    kernels::conv2d_input(geometry.of_images(y.shape(), x[1].shape()), images_axes(y.shape()).size(), x[1].shape()[0],
                          x[0].data(), x[1].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    Var<T> dy;
    if (dx[0].defined()) dy = conv2d_input(dx[0], x[1], height, width, geometry.options);
    if (dx[1].defined()) {
      const Var<T> term = conv2d_input_any(x[0], dx[1], height, width, geometry.options);
      dy = dy.defined() ? dy + term : term;
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& xbar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(2);
    const Shape& w = x[1].shape();
    if (wanted[0]) out[0] = conv2d(xbar, x[1], {}, geometry.options);
    if (wanted[1]) out[1] = conv2d_weight(xbar, x[0], x[0].rank() - 3, w[2], w[3], geometry.options);
    return out;
  }
  // The gradient of an example is the sum of input (x) patch of the cotangent over the places of the input. So the
  // cotangents, which differ between probes, are on the side of the columns.
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    if (argument != 1 || x[0].rank() != 4 || geometry.options.groups != 1) return std::nullopt;
    const Shape &in = x[0].shape(), &w = x[1].shape();
    const ConvShape s = geometry.of_images(Shape{w[1], height, width}, w);
    Factor<T> f;
    f.parameter = w;
    f.probes = std::max<std::size_t>(1, probes(ybar, 4));
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
        kernels::im2col(s, 0, s.out_height(), ybar.value().data() + i * s.input_size(),
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
struct Conv2dWeight : Op<T> {
  Geometry geometry;
  std::size_t image_axes, kernel_height, kernel_width;
  Conv2dWeight(Conv2dOptions o, std::size_t axes, std::size_t kh, std::size_t kw)
      : geometry{o}, image_axes(axes), kernel_height(kh), kernel_width(kw) {}
  std::string name() const override { return "conv2d_weight"; }
  bool vector_mode() const override { return true; }

  std::size_t lead_rank(const Shape& x) const { return x.rank() - 3 - image_axes; }
  Shape lead(const Shape& x) const { return x.slice(0, lead_rank(x)); }
  Shape kernel(const Shape& x, const Shape& ybar) const {
    return {ybar.from_right(3), x.from_right(3) / std::max<std::size_t>(1, geometry.options.groups), kernel_height,
            kernel_width};
  }
  Shape result(const Shape& x, const Shape& ybar) const {
    return broadcast_shapes(lead(x), lead(ybar), "conv2d_weight").joined(kernel(x, ybar));
  }
  Spec infer(std::span<const Spec> v) const override {
    const Shape &x = v[0].shape, &ybar = v[1].shape;
    if (x.rank() < 3 + image_axes || ybar.rank() < 3 + image_axes)
      throw shape_error("[conv2d_weight] images " + to_string(x) + " and cotangents " + to_string(ybar) + " need " +
                        std::to_string(image_axes + 3) + " axes.");
    geometry.check("conv2d_weight", x, kernel(x, ybar));
    const ConvShape s = geometry.of_images(x, kernel(x, ybar));
    const Shape nx = x.slice(lead_rank(x), x.rank() - 3), ny = ybar.slice(lead_rank(ybar), ybar.rank() - 3);
    if (!(nx == ny) || ybar.from_right(2) != s.out_height() || ybar.from_right(1) != s.out_width())
      throw shape_error("[conv2d_weight] cotangents " + to_string(ybar) + " do not belong to images " + to_string(x) +
                        " and a kernel of " + std::to_string(kernel_height) + " x " + std::to_string(kernel_width) +
                        ".");
    const bool none = v[0].examples == Examples::none && v[1].examples == Examples::none;
    return {result(x, ybar), none ? Examples::none : Examples::mixed};
  }
  Array<T> eval(std::span<const Array<T>> v) const override {
    const Shape &x = v[0].shape(), &ybar = v[1].shape();
    Array<T> y(result(x, ybar));
    const ConvShape s = geometry.of_images(x, kernel(x, ybar));
    const std::size_t images = x.slice(lead_rank(x), x.rank() - 3).size(), channels = ybar.from_right(3);
    const Shape leads = broadcast_shapes(lead(x), lead(ybar), "conv2d_weight");
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
    return conv2d_weight(x, ybar, image_axes, kernel_height, kernel_width, geometry.options);
  }
  // The tangent of an argument, with its probe axis in front of all leading axes of the result.
  Var<T> aligned(const Var<T>& t, const Var<T>& argument, const Var<T>& w) const {
    return align_probes(t, argument.shape(), image_axes + 3 + w.rank() - 4);
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
    if (w.rank() > 4) return vjp_by_lead(x, w, wbar, wanted);
    std::vector<Var<T>> out(2);
    const Shape& images = x[0].shape();
    if (wanted[0]) out[0] = conv2d_input_any(x[1], wbar, images.from_right(2), images.from_right(1), geometry.options);
    if (wanted[1]) out[1] = conv2d_any(x[0], wbar, geometry.options);
    return out;
  }
  // For weights with axes in front: computes one index of the first such axis after the other.
  std::vector<Var<T>> vjp_by_lead(Vars<T> x, const Var<T>& w, const Var<T>& wbar, const Wanted& wanted) const {
    const std::size_t extent = w.shape().front(), leads = w.rank() - 4;
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
Var<T> conv2d(const Var<T>& x, const Var<T>& w, const Var<T>& b, Conv2dOptions options) {
  return b.defined() ? apply_op(Conv2d<T>(options), x, w, b) : apply_op(Conv2d<T>(options), x, w);
}
template <class T>
Var<T> conv2d_input(const Var<T>& ybar, const Var<T>& w, std::size_t height, std::size_t width, Conv2dOptions options) {
  return apply_op(Conv2dInput<T>(options, height, width), ybar, w);
}
template <class T>
Var<T> conv2d_weight(const Var<T>& x, const Var<T>& ybar, std::size_t image_axes, std::size_t kernel_height,
                     std::size_t kernel_width, Conv2dOptions options) {
  return apply_op(Conv2dWeight<T>(options, image_axes, kernel_height, kernel_width), x, ybar);
}
template <class T>
Var<T> conv1d(const Var<T>& x, const Var<T>& w, const Var<T>& b, Conv1dOptions options) {
  const FunctionName name("conv1d", x, w, b);
  if (x.rank() < 2 || w.rank() != 3)
    throw shape_error("[conv1d] needs signals (..., I, L) and a weight (C, I / groups, KL), got " +
                      to_string(x.shape()) + " and " + to_string(w.shape()) + ".");
  const auto with_height = [](const Shape& s) { return s.slice(0, s.rank() - 1).joined({1, s.back()}); };
  const Conv2dOptions wide = {.stride = {1, options.stride},
                              .padding = {0, options.padding},
                              .dilation = {1, options.dilation},
                              .groups = options.groups};
  Geometry{wide}.check("conv1d", with_height(x.shape()), with_height(w.shape()));
  if (b.defined()) check_bias("conv1d", b.shape(), w.shape());
  const Var<T> y = conv2d(reshape(x, with_height(x.shape())), reshape(w, with_height(w.shape())), b, wide);
  return reshape(y, y.shape().slice(0, y.rank() - 2).joined({y.shape().back()}));
}

#define XTANGENT_INSTANTIATE(T)                                                                        \
  template Var<T> conv2d(const Var<T>&, const Var<T>&, const Var<T>&, Conv2dOptions);                  \
  template Var<T> conv1d(const Var<T>&, const Var<T>&, const Var<T>&, Conv1dOptions);                  \
  template Var<T> conv2d_input(const Var<T>&, const Var<T>&, std::size_t, std::size_t, Conv2dOptions); \
  template Var<T> conv2d_weight(const Var<T>&, const Var<T>&, std::size_t, std::size_t, std::size_t, Conv2dOptions);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
