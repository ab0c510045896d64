#include "autodiff/ops/transposed_convolution.hpp"

#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

// One extent of the result. Throws shape_error where there is none.
std::size_t extent_of(const char* who, const char* axis, std::size_t in, std::size_t kernel, std::size_t stride,
                      std::size_t padding, std::size_t output_padding, std::size_t dilation) {
  const std::string start = std::string("[") + who + "] " + axis + ": ";
  if (in == 0 || kernel == 0 || stride == 0 || dilation == 0)
    throw shape_error(start + "input, kernel, stride and dilation must be at least 1.");
  if (output_padding >= stride)
    throw shape_error(start + "an output padding of " + std::to_string(output_padding) + " with a stride of " +
                      std::to_string(stride) + ". It must be smaller.");
  const std::size_t full = (in - 1) * stride + dilation * (kernel - 1) + output_padding + 1;
  if (full <= 2 * padding)
    throw shape_error(start + "a padding of " + std::to_string(padding) + " leaves nothing of the " +
                      std::to_string(full) + " entries.");
  return full - 2 * padding;
}

template <class T>
void check(const char* who, const Var<T>& x, const Var<T>& w, const Var<T>& b, std::size_t axes, std::size_t groups) {
  const std::string op = std::string("[") + who + "] ";
  if (x.rank() < axes + 1 || w.rank() != axes + 2)
    throw shape_error(op + "needs an input (..., I, positions) and a weight (I, C / groups, kernel) with " +
                      std::to_string(axes) + " axes of positions, got " + to_string(x.shape()) + " and " +
                      to_string(w.shape()) + ".");
  if (groups == 0 || w.shape()[0] != x.shape().from_right(axes + 1) || w.shape()[0] % groups != 0)
    throw shape_error(op + "input " + to_string(x.shape()) + " and weight " + to_string(w.shape()) + " in " +
                      std::to_string(groups) +
                      " group(s) do not fit: the weight must be (I, C / groups, ...) with I a multiple of groups.");
  if (b.defined() && !(b.shape() == Shape{w.shape()[1] * groups}))
    throw shape_error(op + "bias " + to_string(b.shape()) + " for weight " + to_string(w.shape()) + " in " +
                      std::to_string(groups) + " group(s): must be (" + std::to_string(w.shape()[1] * groups) + ",).");
}

}  // namespace

template <class T>
Var<T> conv_transpose2d(const Var<T>& x, const Var<T>& w, const Var<T>& b, ConvTranspose2dOptions o) {
  const FunctionName name("conv_transpose2d", x, w, b);
  check("conv_transpose2d", x, w, b, 2, o.groups);
  const std::size_t height = extent_of("conv_transpose2d", "height", x.shape().from_right(2), w.shape()[2],
                                       o.stride.height, o.padding.height, o.output_padding.height, o.dilation.height);
  const std::size_t width = extent_of("conv_transpose2d", "width", x.shape().from_right(1), w.shape()[3],
                                      o.stride.width, o.padding.width, o.output_padding.width, o.dilation.width);
  const Var<T> y = conv2d_input(x, w, height, width,
                                {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups});
  return b.defined() ? scale_channels(y, Var<T>(Array<T>::ones(b.shape())), b, 2) : y;
}

template <class T>
Var<T> conv_transpose1d(const Var<T>& x, const Var<T>& w, const Var<T>& b, ConvTranspose1dOptions o) {
  const FunctionName name("conv_transpose1d", x, w, b);
  check("conv_transpose1d", x, w, b, 1, o.groups);
  extent_of("conv_transpose1d", "length", x.shape().back(), w.shape()[2], o.stride, o.padding, o.output_padding,
            o.dilation);
  const Var<T> y = conv_transpose2d(with_height(x), with_height(w), b,
                                    {.stride = {1, o.stride},
                                     .padding = {0, o.padding},
                                     .output_padding = {0, o.output_padding},
                                     .dilation = {1, o.dilation},
                                     .groups = o.groups});
  return without_height(y);
}

#define XTANGENT_INSTANTIATE(T)                                                                          \
  template Var<T> conv_transpose2d(const Var<T>&, const Var<T>&, const Var<T>&, ConvTranspose2dOptions); \
  template Var<T> conv_transpose1d(const Var<T>&, const Var<T>&, const Var<T>&, ConvTranspose1dOptions);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
