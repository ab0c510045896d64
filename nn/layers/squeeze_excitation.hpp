#pragma once

#include "nn/layers/activation.hpp"
#include "nn/layers/conv2d.hpp"

namespace xtangent::nn {

/// torchvision's SqueezeExcitation (Hu et al. 2018): multiplies each channel of images x (N, channels, H, W) by
/// scale_activation(fc2(activation(fc1(means of the channels)))). fc1 and fc2 are 1x1 convolutions, to `squeeze`
/// channels and back. Throws shape_error for extents of 0 and images of other shapes.
class SqueezeExcitation : public Module<SqueezeExcitation> {
 public:
  SqueezeExcitation(std::size_t channels, std::size_t squeeze, AnyModule activation = Relu{},
                    AnyModule scale_activation = Sigmoid{}, WeightOptions weights = {});

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Conv2d fc1_, fc2_;
  AnyModule activation_, scale_activation_;
};

}  // namespace xtangent::nn
