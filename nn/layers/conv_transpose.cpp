#include "nn/layers/conv_transpose.hpp"

#include "nn/layers/parameterized.hpp"

namespace xtangent::nn {
namespace {

void check_channels(const char* who, std::size_t in, std::size_t out, Extent2d kernel, std::size_t groups) {
  const std::string start = std::string("[") + who + "] ";
  if (in == 0 || out == 0 || kernel.height == 0 || kernel.width == 0)
    throw shape_error(start + std::to_string(in) + " channels to " + std::to_string(out) + ", kernel " +
                      to_string(Shape{kernel.height, kernel.width}) + ". All must be at least 1.");
  if (groups == 0 || in % groups != 0 || out % groups != 0)
    throw shape_error(start + std::to_string(groups) + " groups do not divide " + std::to_string(in) + " and " +
                      std::to_string(out) + " channels.");
}

void check_steps(const char* who, std::size_t stride, std::size_t output_padding, std::size_t dilation) {
  if (stride == 0 || dilation == 0)
    throw shape_error(std::string("[") + who + "] a stride or dilation of 0. Both must be at least 1.");
  if (output_padding >= stride)
    throw shape_error(std::string("[") + who + "] an output padding of " + std::to_string(output_padding) +
                      " with a stride of " + std::to_string(stride) + ". It must be smaller.");
}

void declare_both(Declaration& declare, const Shape& weight, std::size_t out, const WeightOptions& options) {
  const Fan fan = fan_of(weight);
  declare("weight", weight, weight_initializer(options, fan));
  if (has_bias(options)) declare("bias", {out}, bias_initializer(options, fan));
}

}  // namespace

ConvTranspose2d::ConvTranspose2d(std::size_t in, std::size_t out, Extent2d kernel, ConvTranspose2dOptions options,
                                 WeightOptions weights)
    : in_(in), out_(out), kernel_(kernel), options_(options), weights_(weights) {
  check_channels("ConvTranspose2d", in, out, kernel, options.groups);
  check_steps("ConvTranspose2d", options.stride.height, options.output_padding.height, options.dilation.height);
  check_steps("ConvTranspose2d", options.stride.width, options.output_padding.width, options.dilation.width);
}

void ConvTranspose2d::parameters(Declaration& declare) const { declare_both(declare, weight_shape(), out_, weights_); }

template <class T>
Var<T> ConvTranspose2d::forward(Scope<T> p, const Var<T>& x) const {
  return parameterized(
      weights_, fan_of(weight_shape()).in, p, x,
      [&](const Var<T>& input, const Var<T>& w, const Var<T>& b) { return conv_transpose2d(input, w, b, options_); });
}

ConvTranspose1d::ConvTranspose1d(std::size_t in, std::size_t out, std::size_t kernel, ConvTranspose1dOptions options,
                                 WeightOptions weights)
    : in_(in), out_(out), kernel_(kernel), options_(options), weights_(weights) {
  check_channels("ConvTranspose1d", in, out, {1, kernel}, options.groups);
  check_steps("ConvTranspose1d", options.stride, options.output_padding, options.dilation);
}

void ConvTranspose1d::parameters(Declaration& declare) const { declare_both(declare, weight_shape(), out_, weights_); }

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
