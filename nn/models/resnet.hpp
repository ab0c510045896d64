#pragma once

#include "nn/sequential.hpp"

/// Residual networks (He et al. 2015) with torchvision's names, layouts and initialization.
namespace xtangent::nn {

/// The first layers of the network: a 7x7 convolution with stride 2 and a maximum pool, or a 3x3 convolution.
enum class Stem { imagenet, cifar };

struct ResNetOptions {
  std::size_t classes = 1000;
  Stem stem = Stem::imagenet;
  double width = 1.0;        ///< multiplies all numbers of channels
  std::size_t channels = 3;  ///< channels of the images
  /// The options of the convolutions, which have no bias, and of the last layer, which is initialized by PyTorch's
  /// default in the standard parameterization.
  WeightOptions weights = {.initialization = Initialization::kaiming_normal_fan_out};
};

/// With two 3x3 convolutions in a block, for images (channels, H, W): 11,689,512 and 21,797,672 parameters.
Sequential resnet18(ResNetOptions options = {});
Sequential resnet34(ResNetOptions options = {});
/// With 1x1, 3x3 and 1x1 convolutions in a block, of which the last has four times the channels: 25,557,032, 44,549,160
/// and 60,192,808 parameters.
Sequential resnet50(ResNetOptions options = {});
Sequential resnet101(ResNetOptions options = {});
Sequential resnet152(ResNetOptions options = {});

/// A shortcut around some layers, then relu: relu(body(x) + downsample(x)). The layers of the body keep their names.
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
