#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

struct WideResNetOptions {
  std::size_t classes = 10;
  double width = 1.0;        ///< factor of all numbers of channels, besides k
  std::size_t channels = 3;  ///< of the images
  double dropout = 0.0;      ///< between the convolutions of a block
  WeightOptions weights = {.initialization = Initialization::kaiming_normal_fan_out};
};

/// WRN-depth-k (Zagoruyko and Komodakis 2016) for images (channels, 32, 32): a convolution, three stages of 16 k, 32 k
/// and 64 k channels with (depth - 4) / 6 blocks each, where normalization and relu come before a convolution.
/// wide_resnet(16, 8): 10,961,370 parameters; wide_resnet(28, 10): 36,479,194.
/// Throws option_error unless depth is 4 + 6 n, and for k = 0.
Sequential wide_resnet(std::size_t depth, std::size_t k, WideResNetOptions options = {});

/// bn1, relu, conv1, bn2, relu, conv2, around them the identity, or a 1x1 convolution of what relu gave: convShortcut.
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
