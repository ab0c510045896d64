// The op of docs/tutorial.md: a few lines in a program, and every derivative and every kernel works with it.
#include <cstdio>

#include "examples/tutorial/spirals.hpp"

using namespace xtangent;

namespace {

// [op]
/// cap tanh(x / cap): the identity near 0, and never beyond the cap.
template <class T>
struct Softcap : Op<T> {
  double cap;
  explicit Softcap(double c) : cap(c) {}
  std::string name() const override { return "softcap"; }
  bool vector_mode() const override { return true; }
  Spec infer(std::span<const Spec> x) const override { return x[0]; }
  Array<T> eval(std::span<const Array<T>> x) const override { return Array<T>(T(cap) * xt::tanh(x[0].xt() / T(cap))); }
  Var<T> jvp(Vars<T>, const Var<T>& y, Vars<T> dx) const override { return slope(y) * dx[0]; }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>& y, const Var<T>& ybar, const Wanted&) const override {
    return {slope(y) * ybar};
  }
  Var<T> slope(const Var<T>& y) const { return 1.0 - square(y / cap); }
};

template <class T>
Var<T> softcap(const Var<T>& x, double cap) {
  return apply_op(Softcap<T>(cap), x);
}
// [/op]

// [capped]
/// The network of the spirals with its outputs capped.
struct Capped : nn::Module<Capped> {
  nn::Sequential inner = spirals::network();
  template <class Visit>
  void children(Visit&& visit) const {
    visit("inner", inner);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return softcap(inner(p["inner"], x), 5.0);
  }
};
// [/capped]

}  // namespace

int main(int, char** argv) {
  use_fitting_blas_core(argv);
  // [derivatives]
  const auto f = [](const Var<double>& x) { return sum(softcap(x, 2.0) * x); };
  const xt::xarray<double> x = {0.5, -1.0, 3.0}, v = {1.0, 0.0, 0.0};
  const xt::xarray<double> g = grad(f, x), curved = hvp(f, x, v);
  std::printf("gradient        %6.3f %6.3f %6.3f\n", g(0), g(1), g(2));
  std::printf("Hessian times v %6.3f %6.3f %6.3f\n", curved(0), curved(1), curved(2));
  std::printf("%s\n", check_gradients(f, x) ? "as differences say" : "wrong rules");
  // [/derivatives]
  // [strategies]
  const Capped net;
  const auto params = net.init<double>(1);
  const Array<double> points(spirals::points(50, 1).x.xt());
  const auto structured = ntk::entk(net, params, points, {.strategy = ntk::Strategy::structured});
  const auto jacobian = ntk::entk(net, params, points, {.strategy = ntk::Strategy::jacobian});
  const auto products = ntk::entk(net, params, points, {.strategy = ntk::Strategy::vector_products});
  std::printf(
      "three ways to its kernel differ by less than 1e-12: %s\n",
      ntk::relative_difference(structured, jacobian) < 1e-12 && ntk::relative_difference(products, jacobian) < 1e-12
          ? "yes"
          : "no");
  // [/strategies]
}
