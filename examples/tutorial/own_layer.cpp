// The layer of docs/tutorial.md: a plain struct that is used like the library's own layers.
#include <cstdio>
#include <iostream>

#include "examples/tutorial/spirals.hpp"

using namespace xtangent;

namespace {

// [layer]
/// Waves: x (N, in) to sines and cosines (N, 2 waves) of learned frequencies.
struct Waves : nn::Module<Waves> {
  std::size_t in, waves;
  Waves(std::size_t i, std::size_t w) : in(i), waves(w) {}

  template <class Declare>
  void parameters(Declare&& declare) const {
    declare("frequency", Shape{waves, in}, nn::normal(3.0));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> phase = linear(x, p("frequency"));
    const Var<T> parts[] = {sin(phase), cos(phase)};
    return concatenate<T>(parts, 1);
  }
};
// [/layer]

}  // namespace

int main(int, char** argv) {
  use_fitting_blas_core(argv);
  // [use]
  const nn::Sequential net = nn::sequential(Waves{2, 64}, nn::Linear{128, 3});
  std::cout << net.summary({2});
  const spirals::Points train = spirals::points(300, 1), test = spirals::points(300, 2);
  const auto fit = nn::fit(net, net.init<float>(1), train.x, train.labels,
                           {.epochs = 50, .batch = 32, .optimizer = nn::adam({.rate = 3e-3})});
  std::printf("accuracy %.3f\n", nn::accuracy(net, fit.params, test.x, test.labels));
  const auto exact = ntk::entk(net, fit.params, train.x), pseudo = ntk::pntk(net, fit.params, train.x);
  std::printf("relative difference of its kernels %.3f\n", ntk::relative_frobenius(exact, pseudo, 3));
  // [/use]
}
