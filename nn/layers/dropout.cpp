#include "nn/layers/dropout.hpp"

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"

namespace xtangent::nn {

Dropout::Dropout(double rate) : rate_(rate) {
  if (!(rate >= 0.0 && rate <= 1.0))
    throw option_error("[Dropout] a rate of " + std::to_string(rate) + ". It must lie in [0, 1].");
}

template <class T>
Var<T> Dropout::forward(Scope<T> p, const Var<T>& x) const {
  return p.training() ? dropout(x, rate_, p.random()) : x;
}

template <class T>
Var<T> dropout(const Var<T>& x, double rate, RandomStream stream) {
  if (rate == 0.0) return x;
  if (rate == 1.0) return x * 0.0;
  const Initializer unit{.kind = Initializer::Kind::uniform, .value = 0.5, .spread = 0.5};
  const Var<T> numbers(draw<T>(unit, x.shape(), stream.seed, stream.stream), x.examples());
  return x * (step(numbers - rate) * (1.0 / (1.0 - rate)));
}

template Var<float> Dropout::forward(Scope<float>, const Var<float>&) const;
template Var<double> Dropout::forward(Scope<double>, const Var<double>&) const;
template Var<float> dropout(const Var<float>&, double, RandomStream);
template Var<double> dropout(const Var<double>&, double, RandomStream);

}  // namespace xtangent::nn
