#include "nn/layers/conv_transpose.hpp"

#include "nn/layers/convolution_checks.hpp"
#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {
namespace {

void check_output_padding(const char* who, std::size_t output_padding, std::size_t stride) {
  if (output_padding >= stride)
    throw shape_error(std::string("[") + who + "] an output padding of " + std::to_string(output_padding) +
                      " with a stride of " + std::to_string(stride) + ". It must be smaller.");
}

}  // namespace

ConvTranspose2d::ConvTranspose2d(std::size_t in, std::size_t out, Extent2d kernel, ConvTranspose2dOptions options,
                                 WeightOptions weights)
    : in_(in), out_(out), kernel_(kernel), options_(options), weights_(weights) {
  check_convolution("ConvTranspose2d", in, out, options.groups,
                    {{kernel.height, options.stride.height, 0, options.dilation.height},
                     {kernel.width, options.stride.width, 0, options.dilation.width}});
  check_output_padding("ConvTranspose2d", options.output_padding.height, options.stride.height);
  check_output_padding("ConvTranspose2d", options.output_padding.width, options.stride.width);
}

void ConvTranspose2d::parameters(Declaration& declare) const {
  declare_convolution(declare, weight_shape(), out_, weights_);
}

template <class T>
Var<T> ConvTranspose2d::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(
      weights_, fan_of(weight_shape()).in, p, x,
      [&](const Var<T>& input, const Var<T>& w, const Var<T>& b) { return conv_transpose2d(input, w, b, options_); });
}

ConvTranspose1d::ConvTranspose1d(std::size_t in, std::size_t out, std::size_t kernel, ConvTranspose1dOptions options,
                                 WeightOptions weights)
    : in_(in), out_(out), kernel_(kernel), options_(options), weights_(weights) {
  check_convolution("ConvTranspose1d", in, out, options.groups, {{kernel, options.stride, 0, options.dilation}});
  check_output_padding("ConvTranspose1d", options.output_padding, options.stride);
}

void ConvTranspose1d::parameters(Declaration& declare) const {
  declare_convolution(declare, weight_shape(), out_, weights_);
}

template <class T>
Var<T> ConvTranspose1d::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(
      weights_, fan_of(weight_shape()).in, p, x,
      [&](const Var<T>& input, const Var<T>& w, const Var<T>& b) { return conv_transpose1d(input, w, b, options_); });
}

template Var<float> ConvTranspose2d::forward(Scope<float>, const Var<float>&) const;
template Var<double> ConvTranspose2d::forward(Scope<double>, const Var<double>&) const;
template Var<float> ConvTranspose1d::forward(Scope<float>, const Var<float>&) const;
template Var<double> ConvTranspose1d::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
