#include "nn/layers/linear.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/linear.hpp"
#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {
namespace {

void check_extents(const char* who, std::size_t in, std::size_t out) {
  if (in == 0 || out == 0)
    throw shape_error(std::string("[") + who + "] " + std::to_string(in) + " inputs and " + std::to_string(out) +
                      " outputs. Both must be at least 1.");
}

}  // namespace

Linear::Linear(std::size_t in, std::size_t out, WeightOptions options) : in_(in), out_(out), options_(options) {
  check_extents("Linear", in, out);
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

TransposedLinear::TransposedLinear(std::size_t in, std::size_t out, WeightOptions options)
    : in_(in), out_(out), options_(options) {
  check_extents("TransposedLinear", in, out);
}

TransposedLinear::TransposedLinear(std::size_t in, std::size_t out, Initializer weight)
    : TransposedLinear(in, out, WeightOptions{.initialization = Initialization::pytorch_zero_bias}) {
  weight_ = weight;
}

void TransposedLinear::parameters(Declaration& declare) const {
  const Fan fan{in_, out_};
  declare("weight", {in_, out_}, weight_ ? *weight_ : weight_initializer(options_, fan));
  if (has_bias(options_)) declare("bias", {out_}, bias_initializer(options_, fan));
}

template <class T>
Var<T> TransposedLinear::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(options_, in_, p, x, [](const Var<T>& input, const Var<T>& w, const Var<T>& b) {
    const Var<T> y = matmul(input, w);
    return b.defined() ? y + b : y;
  });
}

#define XTANGENT_INSTANTIATE(T)                                   \
  template Var<T> Linear::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> TransposedLinear::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
