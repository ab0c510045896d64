#include "autodiff/ops/activation.hpp"

#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"

namespace xtangent {
namespace {

template <class T>
struct Elementwise : Op<T> {
  kernels::Function function;
  double parameter;
  Elementwise(kernels::Function f, double p) : function(f), parameter(p) {}

  std::string name() const override {
    return kernels::with_function(function, parameter, [](const auto& f) { return f.name; });
  }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override { return x[0].examples; }
  Spec infer(std::span<const Spec> x) const override { return x[0]; }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(x[0].shape());
    kernels::unary(function, parameter, y.size(), x[0].data(), y.mutable_data());
    return y;
  }
  // t * slope. Constants take one pass; otherwise it is computed on Vars, so that it can be differentiated again.
  Var<T> product(const Var<T>& x, const Var<T>& y, const Var<T>& t) const {
    if (x.is_constant() && is_plain(t)) {
      Array<T> out(t.shape());
      const std::size_t repeats = x.size() ? t.size() / x.size() : 0;
      kernels::slope_product(function, parameter, x.size(), repeats, x.value().data(), y.value().data(),
                             t.value().data(), out.mutable_data());
      return Var<T>(std::move(out), t.examples());
    }
    return t * kernels::with_function(function, parameter, [&](const auto& f) { return f.slope(x, y); });
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override { return product(x[0], y, dx[0]); }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {product(x[0], y, ybar)};
  }
};

}  // namespace

template <class T>
Var<T> elementwise(kernels::Function function, const Var<T>& x, double parameter) {
  return apply_op(Elementwise<T>(function, parameter), x);
}

template Var<float> elementwise(kernels::Function, const Var<float>&, double);
template Var<double> elementwise(kernels::Function, const Var<double>&, double);

}  // namespace xtangent
