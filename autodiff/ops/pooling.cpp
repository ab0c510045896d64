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

void check_images(const Shape& x, const char* who) {
  if (x.rank() < 3)
    throw shape_error(std::string("[") + who + "] got " + to_string(x) + ". Expected images (..., C, H, W).");
  if (x.from_right(1) == 0 || x.from_right(2) == 0)
    throw shape_error(std::string("[") + who + "] images of shape " + to_string(x) + " have no pixels.");
}

void check_window(std::size_t extent, std::size_t kernel, std::size_t stride, std::size_t padding, const Shape& x,
                  const char* who, const char* axis) {
  const std::string start = std::string("[") + who + "] " + axis + ": ";
  if (kernel == 0) throw shape_error(start + "a window of 0. It must be at least 1.");
  if (stride == 0) throw shape_error(start + "a stride of 0. It must be at least 1.");
  if (padding > kernel / 2)
    throw shape_error(start + "padding " + std::to_string(padding) + " is more than half of the window of " +
                      std::to_string(kernel) + ".");
  if (kernel > extent + 2 * padding)
    throw shape_error(start + "the window of " + std::to_string(kernel) + " is larger than the padded input of " +
                      std::to_string(extent + 2 * padding) + " (shape " + to_string(x) + ").");
}

Shared sliding(const char* who, const Shape& x, Extent2d kernel, const PoolOptions& options) {
  check_images(x, who);
  const Extent2d stride = options.stride == same_as_kernel ? kernel : options.stride;
  const std::size_t height = x.from_right(2), width = x.from_right(1);
  check_window(height, kernel.height, stride.height, options.padding.height, x, who, "height");
  check_window(width, kernel.width, stride.width, options.padding.width, x, who, "width");
  const bool count = options.count_include_pad;
  return std::make_shared<const Pooling>(
      Pooling{who, kernels::sliding_windows(height, kernel.height, stride.height, options.padding.height, count),
              kernels::sliding_windows(width, kernel.width, stride.width, options.padding.width, count)});
}

Shared adaptive(const char* who, const Shape& x, Extent2d output) {
  check_images(x, who);
  if (output.height == 0 || output.width == 0)
    throw shape_error(std::string("[") + who + "] an output of " + std::to_string(output.height) + " x " +
                      std::to_string(output.width) + " for " + to_string(x) + ".");
  return std::make_shared<const Pooling>(Pooling{who, kernels::adaptive_windows(x.from_right(2), output.height),
                                                 kernels::adaptive_windows(x.from_right(1), output.width)});
}

}  // namespace

template <class T>
Var<T> max_pool2d(const Var<T>& x, Extent2d kernel, PoolOptions options) {
  return apply_op(MaxPool<T>(sliding("max_pool2d", x.shape(), kernel, options)), x);
}
template <class T>
Var<T> avg_pool2d(const Var<T>& x, Extent2d kernel, PoolOptions options) {
  return average(x, sliding("avg_pool2d", x.shape(), kernel, options));
}
template <class T>
Var<T> global_avg_pool2d(const Var<T>& x) {
  const FunctionName name("global_avg_pool2d", x);
  check_images(x.shape(), "global_avg_pool2d");
  return mean(x, {-2, -1});
}
template <class T>
Var<T> adaptive_avg_pool2d(const Var<T>& x, Extent2d output) {
  return average(x, adaptive("adaptive_avg_pool2d", x.shape(), output));
}
template <class T>
Var<T> adaptive_max_pool2d(const Var<T>& x, Extent2d output) {
  return apply_op(MaxPool<T>(adaptive("adaptive_max_pool2d", x.shape(), output)), x);
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

#define XTANGENT_INSTANTIATE(T)                                     \
  template Var<T> max_pool2d(const Var<T>&, Extent2d, PoolOptions); \
  template Var<T> avg_pool2d(const Var<T>&, Extent2d, PoolOptions); \
  template Var<T> global_avg_pool2d(const Var<T>&);                 \
  template Var<T> adaptive_avg_pool2d(const Var<T>&, Extent2d);     \
  template Var<T> adaptive_max_pool2d(const Var<T>&, Extent2d);     \
  template Var<T> global_max_pool(const Var<T>&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
