#pragma once

#include "nn/sequential.hpp"

/// Residual networks (He et al. 2015) with torchvision's names, layouts and initialization.
namespace xtangent::nn {

/// What the images meet first: a 7x7 convolution of stride 2 and a maximum pool, or a 3x3 convolution.
enum class Stem { imagenet, cifar };

struct ResNetOptions {
  std::size_t classes = 1000;
  Stem stem = Stem::imagenet;
  double width = 1.0;        ///< factor of all numbers of channels
  std::size_t channels = 3;  ///< of the images
  /// Of convolutions, which have no bias, and of the last layer, whose standard initialization is PyTorch's default.
  WeightOptions weights = {.initialization = Initialization::kaiming_normal_fan_out};
};

/// Two 3x3 convolutions a block; 11,689,512 and 21,797,672 parameters. Images (channels, H, W).
Sequential resnet18(ResNetOptions options = {});
Sequential resnet34(ResNetOptions options = {});
/// 1x1, 3x3 and 1x1 convolutions a block, the last with four times the channels; 25,557,032 parameters.
Sequential resnet50(ResNetOptions options = {});

/// The shortcut around some layers, then relu: relu(body(x) + downsample(x)). The layers of the body keep their names.
class ResidualBlock : public Module<ResidualBlock> {
 public:
  /// Without `downsample` the shortcut is the identity.
  explicit ResidualBlock(Named body);
  ResidualBlock(Named body, AnyModule downsample);

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Sequential body_;
  std::vector<AnyModule> downsample_;  // none or one
};

}  // namespace xtangent::nn
