#include "nn/layers/linear.hpp"

#include "autodiff/ops/linear.hpp"
#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {

Linear::Linear(std::size_t in, std::size_t out, WeightOptions options) : in_(in), out_(out), options_(options) {
  if (in == 0 || out == 0)
    throw shape_error("[Linear] " + std::to_string(in) + " inputs and " + std::to_string(out) +
                      " outputs. Both must be at least 1.");
}

void Linear::parameters(Declaration& declare) const {
  const Fan fan{in_, out_};
  declare("weight", {out_, in_}, weight_initializer(options_, fan));
  if (has_bias(options_)) declare("bias", {out_}, bias_initializer(options_, fan));
}

template <class T>
Var<T> Linear::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(options_, in_, p, x,
                       [](const Var<T>& input, const Var<T>& w, const Var<T>& b) { return linear(input, w, b); });
}

template Var<float> Linear::forward(Scope<float>, const Var<float>&) const;
template Var<double> Linear::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
