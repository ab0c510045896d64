#pragma once

#include "nn/layers/linear.hpp"

namespace xtangent::nn {

/// The perceptron of LLaMA with its names (Shazeer 2020): down_proj(silu(gate_proj(x)) up_proj(x)), from (...,
/// features) to (..., features), with `hidden` numbers between. The linear maps have no bias unless the options ask for
/// one. Throws shape_error for extents of 0.
class SwiGlu : public Module<SwiGlu> {
 public:
  SwiGlu(std::size_t features, std::size_t hidden, WeightOptions options = {.bias = false});

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Linear gate_, up_, down_;
};

}  // namespace xtangent::nn
