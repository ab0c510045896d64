#include "nn/layers/swiglu.hpp"

#include "autodiff/ops/activation.hpp"

namespace xtangent::nn {

SwiGlu::SwiGlu(std::size_t features, std::size_t hidden, WeightOptions options)
    : gate_(features, hidden, options), up_(features, hidden, options), down_(hidden, features, options) {}

void SwiGlu::children(Declaration& visit) const {
  visit("gate_proj", gate_);
  visit("up_proj", up_);
  visit("down_proj", down_);
}

template <class T>
Var<T> SwiGlu::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> gate = silu(gate_(p["gate_proj"], x)), up = up_(p["up_proj"], x);
  return down_(p["down_proj"], gate * up);
}

template Var<float> SwiGlu::forward(Scope<float>, const Var<float>&) const;
template Var<double> SwiGlu::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
