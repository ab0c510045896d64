#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/sequential.hpp"

/// Networks that tests write themselves, for the table in networks.hpp and for what kernels refuse.
namespace xtangent::testing {

/// A network whose parameters and function are given in place.
struct Written : nn::Module<Written> {
  using Function = std::function<Var<double>(nn::Scope<double>, const Var<double>&)>;
  using FloatFunction = std::function<Var<float>(nn::Scope<float>, const Var<float>&)>;
  std::vector<std::pair<std::string, Shape>> declared;
  Function f;
  FloatFunction f_float;

  template <class F>
  Written(std::vector<std::pair<std::string, Shape>> parameters_, F function)
      : declared(std::move(parameters_)), f(function), f_float(function) {}
  template <class Declare>
  void parameters(Declare&& declare) const {
    for (const auto& [name, shape] : declared) declare(name, shape, nn::normal(0.4));
  }
  Var<double> forward(nn::Scope<double> p, const Var<double>& x) const { return f(p, x); }
  Var<float> forward(nn::Scope<float> p, const Var<float>& x) const { return f_float(p, x); }
};

/// An op as a user may write it, without vector mode or factor rule, and with a parameter among its arguments: y = x
/// w^3 with w (C,).
template <class T>
struct CubedScale : Op<T> {
  std::string name() const override { return "cubed_scale"; }
  Spec infer(std::span<const Spec> x) const override { return x[0]; }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(x[0].shape());
    const std::size_t c = x[1].size();
    for (std::size_t i = 0; i < y.size(); ++i) y.mutable_data()[i] = x[0][i] * x[1][i % c] * x[1][i % c] * x[1][i % c];
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    const Var<T> w = x[1], slope = 3.0 * x[0] * w * w;
    if (!dx[1].defined()) return dx[0] * w * w * w;
    const Var<T> dy = slope * dx[1];
    return dx[0].defined() ? dx[0] * w * w * w + dy : dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    const Var<T> w = x[1];
    return {ybar * w * w * w, sum_to(3.0 * ybar * x[0] * w * w, w.shape())};
  }
};

/// A recurrent network whose step is h <- tanh(input(x_t) + hidden(h)), from sequences (N, steps, in); its head reads
/// the last state.
inline nn::AnyModule recurrent(std::size_t in, std::size_t features, std::size_t outputs) {
  return Written({{"input", {features, in}},
                  {"input_bias", {features}},
                  {"hidden", {features, features}},
                  {"head", {outputs, features}},
                  {"head_bias", {outputs}}},
                 [](auto p, const auto& x) {
                   const std::size_t steps = x.shape()[1], in = x.shape()[2], n = x.shape()[0];
                   const auto at = [&](std::size_t t) {
                     return linear(reshape(slice(x, 1, t, t + 1), {n, in}), p("input"), p("input_bias"));
                   };
                   auto h = tanh(at(0));
                   for (std::size_t t = 1; t < steps; ++t) h = tanh(at(t) + linear(h, p("hidden")));
                   return linear(h, p("head"), p("head_bias"));
                 });
}

/// A layer that normalizes over the examples of a batch, which kernels refuse.
struct OverExamples : nn::Module<OverExamples> {
  template <class Declare>
  void parameters(Declare&& declare) const {
    declare("w", Shape{2, 3}, nn::normal(1.0));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return batch_norm(linear(x, p("w")));
  }
};

}  // namespace xtangent::testing
