#include "autodiff/ops/padding.hpp"

#include <algorithm>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

// Zeros before and behind an axis that counts from the right.
template <class T>
struct Pad : Op<T> {
  std::size_t back, before, behind;
  Pad(std::size_t axis, std::size_t f, std::size_t b) : back(axis), before(f), behind(b) {}
  std::string name() const override { return "pad"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return place_beside(x[0], back); }
  Shape result(Shape x) const {
    x[x.rank() - back] += before + behind;
    return x;
  }
  Spec infer(std::span<const Spec> x) const override {
    const bool mixes = x[0].examples == Examples::axis0 && x[0].shape.rank() == back && before + behind > 0;
    return {result(x[0].shape), mixes ? Examples::mixed : x[0].examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape& from = x[0].shape();
    const std::size_t axis = from.rank() - back, inner = from.slice(axis + 1, from.rank()).size();
    const Shape shape = result(from);
    Array<T> y = Array<T>::zeros(shape);
    kernels::copy_runs(from.slice(0, axis).size(), from[axis] * inner, x[0].data(), from[axis] * inner,
                       y.mutable_data() + before * inner, shape[axis] * inner);
    return y;
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dx) const override { return apply_op(*this, dx[0]); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {slice(ybar, -static_cast<long>(back), before, before + x[0].shape().from_right(back))};
  }
};

const char* name_of(PadMode mode) { return mode == PadMode::reflect ? "reflect" : "circular"; }

// The entries of an axis that stand in the padded one.
std::vector<std::size_t> entries(const Shape& x, std::size_t axis, std::size_t before, std::size_t behind,
                                 PadMode mode) {
  const std::size_t extent = x[axis], most = std::max(before, behind);
  const std::string start = "[pad] axis " + std::to_string(axis) + " of " + to_string(x) + ": ";
  if (extent == 0) throw shape_error(start + "no entries to pad with. Pad with a constant.");
  if ((mode == PadMode::reflect && most >= extent) || (mode == PadMode::circular && most > extent))
    throw shape_error(start + "cannot add " + std::to_string(most) + " entries by " + name_of(mode) +
                      " to an axis of " + std::to_string(extent) + ". It must be at most " +
                      std::to_string(mode == PadMode::reflect ? extent - 1 : extent) +
                      "; pad twice, or with another mode.");
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < before + extent + behind; ++i) {
    const bool left = i < before, right = i >= before + extent;
    if (mode == PadMode::circular)
      index.push_back((i + extent - before) % extent);
    else if (mode == PadMode::reflect)
      index.push_back(left ? before - i : right ? 2 * (extent - 1) - (i - before) : i - before);
    else
      index.push_back(left ? 0 : right ? extent - 1 : i - before);
  }
  return index;
}

// Zero on the entries of x, and the value on those beside it, along one axis.
template <class T>
Var<T> border(std::size_t extent, std::size_t back, std::size_t before, std::size_t behind, double value) {
  Shape shape{before + extent + behind};
  for (std::size_t a = 1; a < back; ++a) shape.push_back(1);
  Array<T> out = Array<T>::full(shape, static_cast<T>(value));
  std::fill_n(out.mutable_data() + before, extent, T(0));
  return Var<T>(out);
}

}  // namespace

template <class T>
Var<T> pad(const Var<T>& x, long axis, std::size_t before, std::size_t behind, PadOptions options) {
  const FunctionName name("pad", x);
  const std::size_t a = resolve_axis(axis, x.rank(), "pad"), back = x.rank() - a;
  if (options.mode != PadMode::constant) {
    if (before + behind == 0) return x;
    return gather(x, -static_cast<long>(back), entries(x.shape(), a, before, behind, options.mode));
  }
  const Var<T> y = apply_op(Pad<T>(back, before, behind), x);
  return options.value == 0.0 ? y : y + border<T>(x.shape()[a], back, before, behind, options.value);
}

template <class T>
Var<T> pad(const Var<T>& x, const std::vector<std::size_t>& sizes, PadOptions options) {
  const FunctionName name("pad", x);
  if (sizes.size() % 2 != 0 || sizes.size() / 2 > x.rank())
    throw shape_error("[pad] " + std::to_string(sizes.size()) + " sizes for " + to_string(x.shape()) +
                      ". Name two for each axis, beginning with the last one, and at most as many axes as there are.");
  Var<T> y = x;
  for (std::size_t i = 0; i + 1 < sizes.size(); i += 2)
    if (sizes[i] + sizes[i + 1] > 0) y = pad(y, -static_cast<long>(i / 2) - 1, sizes[i], sizes[i + 1], options);
  return y;
}

#define XTANGENT_INSTANTIATE(T)                                                   \
  template Var<T> pad(const Var<T>&, long, std::size_t, std::size_t, PadOptions); \
  template Var<T> pad(const Var<T>&, const std::vector<std::size_t>&, PadOptions);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
