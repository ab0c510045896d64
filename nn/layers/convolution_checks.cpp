#include "nn/layers/convolution_checks.hpp"

#include "autodiff/error.hpp"
#include "autodiff/ops/convolution.hpp"

namespace xtangent::nn {

void check_convolution(const char* layer, std::size_t in, std::size_t out, std::size_t groups,
                       std::initializer_list<ConvolutionAxis> axes) {
  const std::string start = std::string("[") + layer + "] ";
  Shape kernel;
  for (const ConvolutionAxis& a : axes) kernel.push_back(a.kernel);
  if (in == 0 || out == 0 || kernel.size() == 0)
    throw shape_error(start + std::to_string(in) + " channels to " + std::to_string(out) + ", kernel " +
                      (axes.size() == 1 ? std::to_string(kernel[0]) : to_string(kernel)) + ". All must be at least 1.");
  if (groups == 0 || in % groups != 0 || out % groups != 0)
    throw shape_error(start + std::to_string(groups) + " groups do not divide " + std::to_string(in) + " and " +
                      std::to_string(out) + " channels.");
  for (const ConvolutionAxis& a : axes) {
    if (a.stride == 0 || a.dilation == 0)
      throw shape_error(start + "a stride or dilation of 0. Both must be at least 1.");
    if (a.padding == same_padding && a.stride != 1)
      throw shape_error(start + "same_padding with a stride of " + std::to_string(a.stride) +
                        ". It is for stride 1: name a padding instead.");
  }
}

void declare_convolution(Declaration& declare, const Shape& weight, std::size_t out, const WeightOptions& options) {
  const Fan fan = fan_of(weight);
  declare("weight", weight, weight_initializer(options, fan));
  if (has_bias(options)) declare("bias", {out}, bias_initializer(options, fan));
}

}  // namespace xtangent::nn
