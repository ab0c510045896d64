#pragma once

#include "autodiff/ops/extent.hpp"
#include "autodiff/ops/transposed_convolution.hpp"
#include "nn/module.hpp"

namespace xtangent::nn {

/// PyTorch's nn.ConvTranspose2d: images (..., in, H, W) to (..., out, H', W') with weight (in, out / groups, height,
/// width) and bias (out,). Throws shape_error for extents of 0, and for groups that do not divide both numbers of
/// channels.
class ConvTranspose2d : public Module<ConvTranspose2d> {
 public:
  ConvTranspose2d(std::size_t in, std::size_t out, Extent2d kernel, ConvTranspose2dOptions options = {},
                  WeightOptions weights = {});

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Shape weight_shape() const { return {in_, out_ / options_.groups, kernel_.height, kernel_.width}; }

  std::size_t in_, out_;
  Extent2d kernel_;
  ConvTranspose2dOptions options_;
  WeightOptions weights_;
};

/// PyTorch's nn.ConvTranspose1d: signals (..., in, L) to (..., out, L') with weight (in, out / groups, kernel) and bias
/// (out,). Throws as ConvTranspose2d does.
class ConvTranspose1d : public Module<ConvTranspose1d> {
 public:
  ConvTranspose1d(std::size_t in, std::size_t out, std::size_t kernel, ConvTranspose1dOptions options = {},
                  WeightOptions weights = {});

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Shape weight_shape() const { return {in_, out_ / options_.groups, kernel_}; }

  std::size_t in_, out_, kernel_;
  ConvTranspose1dOptions options_;
  WeightOptions weights_;
};

}  // namespace xtangent::nn
