#pragma once

#include <functional>
#include <string>
#include <utility>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/tape.hpp"
#include "nn/module.hpp"

/// Functions of a network and its derivatives with respect to the examples, as networks with kernels of their own.
///
/// The residual of a differential equation is such a function. It has the parameters of the network under the same
/// names, and kernels, plans, operators and stores take it as they take the network:
///
///   // Burgers' equation for u(x, t): u_t + u u_x - nu u_xx
///   const auto residual = ntk::function(net, [nu](const auto& u, const auto& x) {
///     const auto u_x = [&](const auto& v) { return ntk::partial(u, v, 0); };
///     return ntk::partial(u, x, 1) + u(x) * u_x(x) - nu * ntk::partial(u_x, x, 0);
///   });
///   const Array<double> k = ntk::kernel(residual, params, points, ntk::readout::full());
///
/// The kernel between two functions of the same parameters is one of a function with both outputs, and of a readout
/// that takes one of them on each side: readout::between(readout::single(0), readout::single(1)).
namespace xtangent::ntk {

/// f(u, x) as a module, where u(x) is the network at x, and may be called any number of times and be differentiated.
template <class F>
class Function : public nn::Module<Function<F>> {
 public:
  Function(nn::AnyModule net, F f) : net_(std::move(net)), f_(std::move(f)) {}

  void children(nn::Declaration& visit) const { net_->declare(visit); }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const std::function<Var<T>(const Var<T>&)> u = [&](const Var<T>& v) { return net_->run(p, v); };
    return f_(u, x);
  }

 private:
  nn::AnyModule net_;
  F f_;
};

template <class F>
Function<F> function(nn::AnyModule net, F f) {
  return {std::move(net), std::move(f)};
}

/// The derivative of u at each example along a coordinate of x (N, D): of the shape of u(x). By forward mode, which
/// nests: u may itself be a derivative. Cost: about twice that of u. Throws shape_error (x is not (N, D), or has no
/// such coordinate).
template <class T, class U>
Var<T> partial(const U& u, const Var<T>& x, std::size_t coordinate) {
  if (x.rank() != 2 || coordinate >= x.shape()[1])
    throw shape_error("[partial] coordinate " + std::to_string(coordinate) + " of examples " + to_string(x.shape()) +
                      ": they must be (N, D), and coordinates count from 0.");
  Array<T> along = Array<T>::zeros(x.shape());
  for (std::size_t n = 0; n < x.shape()[0]; ++n) along.mutable_data()[n * x.shape()[1] + coordinate] = T(1);
  const auto [value, tangent] = push_streaming<T>([&](Vars<T> v) -> Var<T> { return u(v[0]); }, {x}, {batched(along)});
  return tangent.defined() ? tangent : Var<T>(batched(Array<T>::zeros(value.shape())));
}

/// The gradient of u at each example, of the shape of x, where u(x) is (N,) or (N, 1). By reverse mode, which is
/// recorded, so that the gradient has kernels and derivatives of its own. Cost: about three times that of u. Throws
/// shape_error for another shape of u(x).
template <class T, class U>
Var<T> gradient(const U& u, const Var<T>& x) {
  // In forward mode a value on a tape is wrapped into pairs with tangents.
  const auto unwrapped = [](Var<T> v) {
    while (v.dual()) v = Var<T>(v.dual()->primal);  // a copy first, since v owns what it becomes
    return v;
  };
  Var<T> target = unwrapped(x), at = x;
  bool live = target.on_tape();
  if (!live) {  // x gets a place on the tape of the parameters, or on one of its own
    const Var<T> probe = unwrapped(u(x));
    live = probe.on_tape();
    Tape<T> tape = live ? Tape<T>(probe.record()) : Tape<T>();
    target = tape.variable(x.array(), Examples::axis0);
    at = x.dual() ? target + (x - x.detached()) : target;  // with the tangents of x
  }
  const Var<T> y = u(at);
  if (!(y.size() == x.shape()[0]))
    throw shape_error("[gradient] the function is " + to_string(y.shape()) + " for examples " + to_string(x.shape()) +
                      ": it must be one number for each of them.");
  const Var<T> zero = batched(Array<T>::zeros(x.shape()));
  if (!unwrapped(y).on_tape()) return zero;
  const Var<T> ones = batched(Array<T>::ones(y.shape()));
  const Var<T> bar = pullback<T>(y, ones, {target}, {.record = live}).front();
  return bar.defined() ? bar : zero;
}

}  // namespace xtangent::ntk
