#pragma once

#include "nn/module.hpp"

namespace xtangent::nn {

/// y = x W^T + b: x (..., in) to (..., out); weight (out, in), bias (out,). PyTorch's nn.Linear.
/// Throws shape_error for in or out of 0, and where x does not end in `in`.
class Linear : public Module<Linear> {
 public:
  Linear(std::size_t in, std::size_t out, WeightOptions options = {});

  std::size_t in() const { return in_; }
  std::size_t out() const { return out_; }
  const WeightOptions& options() const { return options_; }

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t in_, out_;
  WeightOptions options_;
};

}  // namespace xtangent::nn
