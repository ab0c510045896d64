// A layer and a network of your own: plain structs, with control flow in C++. They can be trained, counted and taken
// through kernels like those of the library.
#include <cmath>
#include <cstdio>
#include <iostream>
#include <xtangent.hpp>

using namespace xtangent;

namespace {

// A layer with gates: tanh(W x + b) sigmoid(V x + c).
struct Gated : nn::Module<Gated> {
  std::size_t in, out;
  Gated(std::size_t i, std::size_t o) : in(i), out(o) {}

  template <class Declare>
  void parameters(Declare&& declare) const {
    const nn::Initializer spread = nn::uniform(1.0 / std::sqrt(static_cast<double>(in)));
    declare("weight", Shape{out, in}, spread);
    declare("bias", Shape{out}, spread);
    declare("gate_weight", Shape{out, in}, spread);
    declare("gate_bias", Shape{out}, nn::constant(1.0));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return tanh(linear(x, p("weight"), p("bias"))) * sigmoid(linear(x, p("gate_weight"), p("gate_bias")));
  }
};

// A recurrent network: reads a sequence (N, steps, in) step by step with the same two layers, then decides.
struct Reader : nn::Module<Reader> {
  std::size_t hidden;
  Gated input, state;
  nn::Linear head;
  Reader(std::size_t in, std::size_t h, std::size_t classes) : hidden(h), input(in, h), state(h, h), head(h, classes) {}

  template <class Visit>
  void children(Visit&& visit) const {
    visit("input", input);
    visit("state", state);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const std::size_t n = x.shape()[0], steps = x.shape()[1], in = x.shape()[2];
    Var<T> h;
    for (std::size_t t = 0; t < steps; ++t) {
      const Var<T> seen = input(p["input"], reshape(slice(x, 1, t, t + 1), {n, in}));
      h = h.defined() ? seen + state(p["state"], h) : seen;
    }
    return head(p["head"], h);
  }
};

}  // namespace

int main(int, char** argv) {
  use_fitting_blas_core(argv);
  // The task is to say which of the first and the last of six numbers is larger.
  const std::size_t n = 256, steps = 6;
  const Array<float> x = nn::draw<float>(nn::normal(1.0), {n, steps, 1}, 1, 0);
  std::vector<std::size_t> labels(n);
  for (std::size_t i = 0; i < n; ++i) labels[i] = x[i * steps] > x[i * steps + steps - 1];

  const Reader net(1, 16, 2);
  std::cout << net.summary({steps, 1});
  const auto fit =
      nn::fit(net, net.init<float>(1), x, labels, {.epochs = 60, .batch = 32, .optimizer = nn::adam({.rate = 0.01})});
  const Array<float> some = x.rows(0, 32);
  const auto structured = ntk::entk(net, fit.params, some, {.strategy = ntk::Strategy::structured});
  const auto jacobian = ntk::entk(net, fit.params, some, {.strategy = ntk::Strategy::jacobian});
  const double accuracy = fit.history.back().accuracy, difference = ntk::relative_difference(structured, jacobian);
  std::printf("accuracy %.3f, two ways to the kernel differ by %.1e\n", accuracy, difference);
  return accuracy > 0.95 && difference < 1e-5 ? 0 : 1;
}
