#pragma once

#include "autodiff/ops/convolution.hpp"
#include "nn/module.hpp"

namespace xtangent::nn {

/// PyTorch's nn.Conv1d: convolution of signals (..., in, L) to (..., out, L') with weight (out, in / groups, kernel)
/// and bias (out,). Throws shape_error for extents of 0, for groups that do not divide both numbers of channels, and
/// for same_padding with a stride.
class Conv1d : public Module<Conv1d> {
 public:
  Conv1d(std::size_t in, std::size_t out, std::size_t kernel, Conv1dOptions options = {}, WeightOptions weights = {});

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Shape weight_shape() const { return {out_, in_ / options_.groups, kernel_}; }

  std::size_t in_, out_, kernel_;
  Conv1dOptions options_;
  WeightOptions weights_;
};

}  // namespace xtangent::nn
