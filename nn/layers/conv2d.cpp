#include "nn/layers/conv2d.hpp"

#include "nn/layers/convolution_checks.hpp"
#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {

Conv2d::Conv2d(std::size_t in, std::size_t out, Extent2d kernel, Conv2dOptions options, WeightOptions weights)
    : in_(in), out_(out), kernel_(kernel), options_(options), weights_(weights) {
  check_convolution("Conv2d", in, out, options.groups,
                    {{kernel.height, options.stride.height, options.padding.height, options.dilation.height},
                     {kernel.width, options.stride.width, options.padding.width, options.dilation.width}});
}

void Conv2d::parameters(Declaration& declare) const { declare_convolution(declare, weight_shape(), out_, weights_); }

template <class T>
Var<T> Conv2d::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(
      weights_, fan_of(weight_shape()).in, p, x,
      [&](const Var<T>& input, const Var<T>& w, const Var<T>& b) { return conv2d(input, w, b, options_); });
}

template Var<float> Conv2d::forward(Scope<float>, const Var<float>&) const;
template Var<double> Conv2d::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
