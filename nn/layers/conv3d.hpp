#pragma once

#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/extent.hpp"
#include "nn/module.hpp"

namespace xtangent::nn {

/// PyTorch's nn.Conv3d: convolution of volumes (..., in, D, H, W) to (..., out, D', H', W') with weight (out, in /
/// groups, depth, height, width) and bias (out,). Throws shape_error for extents of 0, for groups that do not divide
/// both numbers of channels, and for same_padding with a stride.
class Conv3d : public Module<Conv3d> {
 public:
  Conv3d(std::size_t in, std::size_t out, Extent3d kernel, Conv3dOptions options = {}, WeightOptions weights = {});

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Shape weight_shape() const { return {out_, in_ / options_.groups, kernel_.depth, kernel_.height, kernel_.width}; }

  std::size_t in_, out_;
  Extent3d kernel_;
  Conv3dOptions options_;
  WeightOptions weights_;
};

}  // namespace xtangent::nn
