#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

struct MixerOptions {
  std::size_t image = 224, patch = 16;  ///< edges, in pixels
  std::size_t channels = 3;             ///< channels of the images
  std::size_t layers = 12, features = 768, tokens_hidden = 384, channels_hidden = 3072;
  std::size_t classes = 1000;
  double width = 1.0;  ///< multiplies features and both hidden widths
  WeightOptions weights = {};
};

/// An MLP-Mixer (Tolstikhin et al. 2021) with timm's names and layouts: patches as tokens, layers with a perceptron
/// over tokens and one over channels, the mean of the tokens, and a linear map. The defaults are mixer_b16 with
/// 59,880,472 parameters. Throws shape_error unless the patch divides the image.
Sequential mlp_mixer(MixerOptions options = {});

/// y = x + mlp_tokens(norm1(x)) along the tokens, then y + mlp_channels(norm2(y)).
class MixerBlock : public Module<MixerBlock> {
 public:
  MixerBlock(std::size_t tokens, const MixerOptions& options);

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  AnyModule norm1_, mlp_tokens_, norm2_, mlp_channels_;
};

}  // namespace xtangent::nn
