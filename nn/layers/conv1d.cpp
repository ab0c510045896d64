#include "nn/layers/conv1d.hpp"

#include "nn/layers/convolution_checks.hpp"
#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {

Conv1d::Conv1d(std::size_t in, std::size_t out, std::size_t kernel, Conv1dOptions options, WeightOptions weights)
    : in_(in), out_(out), kernel_(kernel), options_(options), weights_(weights) {
  check_convolution("Conv1d", in, out, options.groups, {{kernel, options.stride, options.padding, options.dilation}});
}

void Conv1d::parameters(Declaration& declare) const { declare_convolution(declare, weight_shape(), out_, weights_); }

template <class T>
Var<T> Conv1d::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(
      weights_, fan_of(weight_shape()).in, p, x,
      [&](const Var<T>& input, const Var<T>& w, const Var<T>& b) { return conv1d(input, w, b, options_); });
}

template Var<float> Conv1d::forward(Scope<float>, const Var<float>&) const;
template Var<double> Conv1d::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
