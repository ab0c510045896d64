#pragma once

#include <initializer_list>

#include "autodiff/shape.hpp"
#include "nn/module.hpp"

namespace xtangent::nn {

/// The options of a convolution along one axis.
struct ConvolutionAxis {
  std::size_t kernel, stride, padding, dilation;
};

/// Throws shape_error, naming the layer, for what no input can be convolved with.
void check_convolution(const char* layer, std::size_t in, std::size_t out, std::size_t groups,
                       std::initializer_list<ConvolutionAxis> axes);

/// Declares "weight" and, if the options have one, "bias" (out,) of a convolution.
void declare_convolution(Declaration& declare, const Shape& weight, std::size_t out, const WeightOptions& options);

}  // namespace xtangent::nn
