#include "autodiff/ops/pooling.hpp"

#include "autodiff/kernels/pool.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/ops/selection.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

// Windows over images, shared by an op and the ops of its rules.
struct Pooling {
  std::string name;
  kernels::Windows rows, columns;

  Shape in() const { return {rows.extent, columns.extent}; }
  Shape out() const { return {rows.size(), columns.size()}; }
};
using Shared = std::shared_ptr<const Pooling>;

// (lead..., from) to (lead..., to): the axes in front are kept, and with them the batch mark.
Shape images_to(const Pooling& p, const Shape& x, const Shape& from, const Shape& to) {
  const std::size_t rank = x.rank();
  if (rank < 3 || !(x.slice(rank - 2, rank) == from))
    throw shape_error("[" + p.name + "] " + to_string(x) + " for windows over images of " + to_string(from) + ".");
  return x.slice(0, rank - 2).joined(to);
}

// Examples in any axis before those of the windows.
std::optional<Place> before_images(const Placed& x) {
  if (x.examples.back <= 2) return std::nullopt;
  return x.examples;
}

std::size_t images_of(const Shape& x) { return x.slice(0, x.rank() - 2).size(); }

template <class T>
Var<T> average(const Var<T>& x, const Shared& p);
template <class T>
Var<T> spread(const Var<T>& y, const Shared& p);

template <class T>
struct AveragePool : Op<T> {
  Shared p;
  explicit AveragePool(Shared pooling) : p(std::move(pooling)) {}
  std::string name() const override { return p->name; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return before_images(x[0]); }
  Spec infer(std::span<const Spec> x) const override {
    return {images_to(*p, x[0].shape, p->in(), p->out()), x[0].examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(images_to(*p, x[0].shape(), p->in(), p->out()));
    kernels::average_pool(images_of(y.shape()), p->rows, p->columns, x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dx) const override { return average(dx[0], p); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {spread(ybar, p)};
  }
  double flop(std::span<const Shape> x, const Shape&) const override { return static_cast<double>(x[0].size()); }
};

template <class T>
struct AveragePoolTranspose : Op<T> {
  Shared p;
  explicit AveragePoolTranspose(Shared pooling) : p(std::move(pooling)) {}
  std::string name() const override { return p->name + "_transpose"; }
  bool vector_mode() const override { return true; }
  Spec infer(std::span<const Spec> y) const override {
    return {images_to(*p, y[0].shape, p->out(), p->in()), y[0].examples};
  }
  Array<T> eval(std::span<const Array<T>> y) const override {
    Array<T> x(images_to(*p, y[0].shape(), p->out(), p->in()));
    kernels::average_pool_transpose(images_of(x.shape()), p->rows, p->columns, y[0].data(), x.mutable_data());
    return x;
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dy) const override { return spread(dy[0], p); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& xbar, const Wanted&) const override {
    return {average(xbar, p)};
  }
};

template <class T>
Var<T> average(const Var<T>& x, const Shared& p) {
  return apply_op(AveragePool<T>(p), x);
}
template <class T>
Var<T> spread(const Var<T>& y, const Shared& p) {
  return apply_op(AveragePoolTranspose<T>(p), y);
}

template <class T>
struct MaxPool : Op<T> {
  Shared p;
  explicit MaxPool(Shared pooling) : p(std::move(pooling)) {}
  std::string name() const override { return p->name; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return before_images(x[0]); }
  Spec infer(std::span<const Spec> x) const override {
    const Shape shape = images_to(*p, x[0].shape, p->in(), p->out());
    check_block_size(p->in().size(), p->name.c_str());
    return {shape, x[0].examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(images_to(*p, x[0].shape(), p->in(), p->out()));
    kernels::max_pool(images_of(y.shape()), p->rows, p->columns, x[0].data(), y.mutable_data());
    return y;
  }
  // The places of the maxima. They are piecewise constant in x, so no derivative passes through them. Each rule finds
  // them again, which costs about as much as eval, so that a recording need not hold them.
  std::shared_ptr<const Selection> winners(const Array<T>& x) const {
    auto s = std::make_shared<Selection>();
    s->from = x.shape();
    s->to = images_to(*p, x.shape(), p->in(), p->out());
    s->blocks = images_of(x.shape());
    s->index.resize(s->to.size());
    kernels::argmax_pool(s->blocks, p->rows, p->columns, x.data(), s->index.data());
    return s;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override { return select(dx[0], winners(x[0].value())); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {unselect(ybar, winners(x[0].value()))};
  }
  double flop(std::span<const Shape> x, const Shape&) const override { return static_cast<double>(x[0].size()); }
};

void check_positions(const Shape& x, std::size_t axes, const char* who) {
  const char* what = axes == 2 ? "images" : "volumes";
  if (x.rank() < axes + 1)
    throw shape_error(std::string("[") + who + "] got " + to_string(x) + ". Expected " + what + " (..., C, " +
                      (axes == 2 ? "H, W)." : "D, H, W)."));
  if (x.slice(x.rank() - axes, x.rank()).size() == 0)
    throw shape_error(std::string("[") + who + "] " + what + " of shape " + to_string(x) + " have no pixels.");
}

// The windows along the axis number `back` from the right, whose name is for messages.
kernels::Windows sliding(const char* who, const char* axis, const Shape& x, std::size_t back, kernels::Sliding s) {
  const std::size_t extent = x.from_right(back);
  const std::string start = std::string("[") + who + "] " + axis + ": ";
  if (s.kernel == 0) throw shape_error(start + "a window of 0. It must be at least 1.");
  if (s.stride == same_as_kernel) s.stride = s.kernel;
  if (s.stride == 0) throw shape_error(start + "a stride of 0. It must be at least 1.");
  if (s.dilation == 0) throw shape_error(start + "a dilation of 0. It must be at least 1.");
  if (s.padding > s.reach() / 2)
    throw shape_error(start + "padding " + std::to_string(s.padding) + " is more than half of the window of " +
                      std::to_string(s.reach()) + ".");
  // With ceil_mode a window may begin in the input and end behind it.
  if (s.reach() > extent + 2 * s.padding + (s.ceil ? s.stride - 1 : 0))
    throw shape_error(start + "the window of " + std::to_string(s.reach()) + " is larger than the padded input of " +
                      std::to_string(extent + 2 * s.padding) + " (shape " + to_string(x) + ").");
  kernels::Windows out = kernels::sliding_windows(extent, s);
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out.first[i] >= out.last[i])
      throw shape_error(start + "window " + std::to_string(i) + " holds nothing but padding (shape " + to_string(x) +
                        "). Use less padding or a smaller dilation.");
  return out;
}

void no_dilation(const char* who, bool none) {
  if (!none) throw shape_error(std::string("[") + who + "] has no dilation. Only max pooling has one.");
}

Shared images(const char* who, kernels::Windows rows, kernels::Windows columns) {
  return std::make_shared<const Pooling>(Pooling{who, std::move(rows), std::move(columns)});
}

Shared sliding_images(const char* who, const Shape& x, Extent2d kernel, const PoolOptions& o) {
  check_positions(x, 2, who);
  return images(
      who,
      sliding(who, "height", x, 2,
              {kernel.height, o.stride.height, o.padding.height, o.dilation.height, o.ceil_mode, o.count_include_pad}),
      sliding(who, "width", x, 1,
              {kernel.width, o.stride.width, o.padding.width, o.dilation.width, o.ceil_mode, o.count_include_pad}));
}

Shared adaptive(const char* who, const Shape& x, Extent2d output) {
  check_positions(x, 2, who);
  if (output.height == 0 || output.width == 0)
    throw shape_error(std::string("[") + who + "] an output of " + std::to_string(output.height) + " x " +
                      std::to_string(output.width) + " for " + to_string(x) + ".");
  return images(who, kernels::adaptive_windows(x.from_right(2), output.height),
                kernels::adaptive_windows(x.from_right(1), output.width));
}

// Windows over volumes. The maximum, and the mean, over a window are those along the depth of those over its images.
struct Volumes {
  kernels::Windows planes, rows, columns;
};

Volumes sliding_volumes(const char* who, const Shape& x, Extent3d kernel, const Pool3dOptions& o) {
  check_positions(x, 3, who);
  return {
      sliding(who, "depth", x, 3,
              {kernel.depth, o.stride.depth, o.padding.depth, o.dilation.depth, o.ceil_mode, o.count_include_pad}),
      sliding(who, "height", x, 2,
              {kernel.height, o.stride.height, o.padding.height, o.dilation.height, o.ceil_mode, o.count_include_pad}),
      sliding(who, "width", x, 1,
              {kernel.width, o.stride.width, o.padding.width, o.dilation.width, o.ceil_mode, o.count_include_pad})};
}

Volumes adaptive_volumes(const char* who, const Shape& x, Extent3d output) {
  check_positions(x, 3, who);
  if (output.depth == 0 || output.height == 0 || output.width == 0)
    throw shape_error(std::string("[") + who + "] the output size " +
                      to_string(Shape{output.depth, output.height, output.width}) + " for " + to_string(x) +
                      " has an extent of 0. Each must be at least 1.");
  return {kernels::adaptive_windows(x.from_right(3), output.depth),
          kernels::adaptive_windows(x.from_right(2), output.height),
          kernels::adaptive_windows(x.from_right(1), output.width)};
}

template <class T, class Pool>
Var<T> pool_volumes(const char* who, const Var<T>& x, Volumes v, const Pool& pool) {
  const std::size_t depth = v.planes.extent, out_depth = v.planes.size(), pixels = v.rows.size() * v.columns.size();
  const Shape lead = x.shape().slice(0, x.rank() - 3), image{v.rows.size(), v.columns.size()};
  const Var<T> flat = pool(x, images(who, std::move(v.rows), std::move(v.columns)));
  const Var<T> y = pool(reshape(flat, lead.joined({depth, pixels})),
                        images(who, std::move(v.planes), kernels::single_windows(pixels)));
  return reshape(y, lead.joined({out_depth}).joined(image));
}

template <class T>
Var<T> maximum(const Var<T>& x, const Shared& p) {
  return apply_op(MaxPool<T>(p), x);
}

}  // namespace

template <class T>
Var<T> max_pool2d(const Var<T>& x, Extent2d kernel, PoolOptions options) {
  return maximum(x, sliding_images("max_pool2d", x.shape(), kernel, options));
}
template <class T>
Var<T> avg_pool2d(const Var<T>& x, Extent2d kernel, PoolOptions options) {
  no_dilation("avg_pool2d", options.dilation == 1);
  return average(x, sliding_images("avg_pool2d", x.shape(), kernel, options));
}
template <class T>
Var<T> global_avg_pool2d(const Var<T>& x) {
  const FunctionName name("global_avg_pool2d", x);
  check_positions(x.shape(), 2, "global_avg_pool2d");
  return mean(x, {-2, -1});
}
template <class T>
Var<T> adaptive_avg_pool2d(const Var<T>& x, Extent2d output) {
  return average(x, adaptive("adaptive_avg_pool2d", x.shape(), output));
}
template <class T>
Var<T> adaptive_max_pool2d(const Var<T>& x, Extent2d output) {
  return maximum(x, adaptive("adaptive_max_pool2d", x.shape(), output));
}
template <class T>
Var<T> max_pool3d(const Var<T>& x, Extent3d kernel, Pool3dOptions options) {
  const FunctionName name("max_pool3d", x);
  return pool_volumes("max_pool3d", x, sliding_volumes("max_pool3d", x.shape(), kernel, options), maximum<T>);
}
template <class T>
Var<T> avg_pool3d(const Var<T>& x, Extent3d kernel, Pool3dOptions options) {
  const FunctionName name("avg_pool3d", x);
  no_dilation("avg_pool3d", options.dilation == 1);
  return pool_volumes("avg_pool3d", x, sliding_volumes("avg_pool3d", x.shape(), kernel, options), average<T>);
}
template <class T>
Var<T> adaptive_avg_pool3d(const Var<T>& x, Extent3d output) {
  const FunctionName name("adaptive_avg_pool3d", x);
  const char* who = "adaptive_avg_pool3d";
  return pool_volumes(who, x, adaptive_volumes(who, x.shape(), output), average<T>);
}
template <class T>
Var<T> adaptive_max_pool3d(const Var<T>& x, Extent3d output) {
  const FunctionName name("adaptive_max_pool3d", x);
  const char* who = "adaptive_max_pool3d";
  return pool_volumes(who, x, adaptive_volumes(who, x.shape(), output), maximum<T>);
}
template <class T>
Var<T> global_max_pool(const Var<T>& x, std::size_t axes) {
  const FunctionName name("global_max_pool", x);
  if (x.rank() < axes + 1)
    throw shape_error("[global_max_pool] got " + to_string(x.shape()) + ". Expected (..., C) and " +
                      std::to_string(axes) + " axes of positions.");
  const std::size_t lead = x.rank() - axes;
  const std::size_t positions = x.shape().slice(lead, x.rank()).size();
  if (positions == 0) throw shape_error("[global_max_pool] no positions in " + to_string(x.shape()) + ".");
  return max(reshape(x, x.shape().slice(0, lead).joined({positions})), -1);
}

#define XTANGENT_INSTANTIATE(T)                                       \
  template Var<T> max_pool2d(const Var<T>&, Extent2d, PoolOptions);   \
  template Var<T> avg_pool2d(const Var<T>&, Extent2d, PoolOptions);   \
  template Var<T> global_avg_pool2d(const Var<T>&);                   \
  template Var<T> adaptive_avg_pool2d(const Var<T>&, Extent2d);       \
  template Var<T> adaptive_max_pool2d(const Var<T>&, Extent2d);       \
  template Var<T> max_pool3d(const Var<T>&, Extent3d, Pool3dOptions); \
  template Var<T> avg_pool3d(const Var<T>&, Extent3d, Pool3dOptions); \
  template Var<T> adaptive_avg_pool3d(const Var<T>&, Extent3d);       \
  template Var<T> adaptive_max_pool3d(const Var<T>&, Extent3d);       \
  template Var<T> global_max_pool(const Var<T>&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
