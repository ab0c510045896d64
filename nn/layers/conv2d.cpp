#include "nn/layers/conv2d.hpp"

#include <algorithm>

#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {

Conv2d::Conv2d(std::size_t in, std::size_t out, Extent2d kernel, Conv2dOptions options, WeightOptions weights)
    : in_(in), out_(out), kernel_(kernel), options_(options), weights_(weights) {
  if (in == 0 || out == 0 || kernel.height == 0 || kernel.width == 0)
    throw shape_error("[Conv2d] " + std::to_string(in) + " channels to " + std::to_string(out) + ", kernel " +
                      to_string(Shape{kernel.height, kernel.width}) + ". All must be at least 1.");
  if (options.groups == 0 || in % options.groups != 0 || out % options.groups != 0)
    throw shape_error("[Conv2d] " + std::to_string(options.groups) + " groups do not divide " + std::to_string(in) +
                      " and " + std::to_string(out) + " channels.");
  if (std::min({options.stride.height, options.stride.width, options.dilation.height, options.dilation.width}) == 0)
    throw shape_error("[Conv2d] a stride or dilation of 0. Both must be at least 1.");
}

void Conv2d::parameters(Declaration& declare) const {
  const Fan fan = fan_of(weight_shape());
  declare("weight", weight_shape(), weight_initializer(weights_, fan));
  if (has_bias(weights_)) declare("bias", {out_}, bias_initializer(weights_, fan));
}

template <class T>
Var<T> Conv2d::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(
      weights_, fan_of(weight_shape()).in, p, x,
      [&](const Var<T>& input, const Var<T>& w, const Var<T>& b) { return conv2d(input, w, b, options_); });
}

template Var<float> Conv2d::forward(Scope<float>, const Var<float>&) const;
template Var<double> Conv2d::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
