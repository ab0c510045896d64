#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

struct WideResNetOptions {
  std::size_t classes = 10;
  double width = 1.0;        ///< multiplies all numbers of channels, in addition to k
  std::size_t channels = 3;  ///< channels of the images
  double dropout = 0.0;      ///< rate between the convolutions of a block
  WeightOptions weights = {.initialization = Initialization::kaiming_normal_fan_out};
};

/// WRN-depth-k (Zagoruyko and Komodakis 2016) for images (channels, 32, 32): a convolution, then three stages of 16 k,
/// 32 k and 64 k channels with (depth - 4) / 6 blocks each, in which normalization and relu come before each
/// convolution. wide_resnet(16, 8) has 10,961,370 parameters, wide_resnet(28, 10) has 36,479,194. Throws option_error
/// unless depth is 4 + 6 n, and for k = 0.
Sequential wide_resnet(std::size_t depth, std::size_t k, WideResNetOptions options = {});

/// bn1, relu, conv1, bn2, relu, conv2. The shortcut around them is the identity, or convShortcut, a 1x1 convolution of
/// the first relu's output.
class PreactivationBlock : public Module<PreactivationBlock> {
 public:
  PreactivationBlock(std::size_t in, std::size_t out, std::size_t stride, const WideResNetOptions& options);

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Sequential before_, body_;
  std::vector<AnyModule> shortcut_;  // none or one
};

}  // namespace xtangent::nn
