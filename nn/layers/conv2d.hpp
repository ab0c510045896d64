#pragma once

#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/extent.hpp"
#include "nn/module.hpp"

namespace xtangent::nn {

/// PyTorch's nn.Conv2d: convolution of images (..., in, H, W) to (..., out, H', W') with weight (out, in / groups,
/// height, width) and bias (out,). Throws shape_error for extents of 0, for groups that do not divide both numbers of
/// channels, and for same_padding with a stride.
class Conv2d : public Module<Conv2d> {
 public:
  Conv2d(std::size_t in, std::size_t out, Extent2d kernel, Conv2dOptions options = {}, WeightOptions weights = {});

  std::size_t in() const { return in_; }
  std::size_t out() const { return out_; }
  Extent2d kernel() const { return kernel_; }
  const Conv2dOptions& options() const { return options_; }

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Shape weight_shape() const { return {out_, in_ / options_.groups, kernel_.height, kernel_.width}; }

  std::size_t in_, out_;
  Extent2d kernel_;
  Conv2dOptions options_;
  WeightOptions weights_;
};

}  // namespace xtangent::nn
