#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

struct VitOptions {
  std::size_t image = 224, patch = 16;  ///< edges, in pixels
  std::size_t channels = 3;             ///< channels of the images
  std::size_t layers = 12, heads = 12, features = 768, hidden = 3072;
  std::size_t classes = 1000;
  double width = 1.0;  ///< multiplies features and hidden; the features stay a multiple of the heads
  double dropout = 0.0;
  WeightOptions weights = {};
};

/// A vision transformer (Dosovitskiy et al. 2020) with torchvision's names and layouts: patches as tokens, a class
/// token, learned vectors for the positions, layers of attention and of a perceptron with a normalization before each,
/// and a linear map of the class token. The defaults are vit_b_16 with 86,567,656 parameters. Throws shape_error unless
/// the patch divides the image.
class Vit : public Module<Vit> {
 public:
  explicit Vit(VitOptions options = {});

  const VitOptions& options() const { return options_; }
  void parameters(Declaration& declare) const;
  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  VitOptions options_;
  Sequential patches_, encoder_, heads_;
};

inline Vit vit(VitOptions options = {}) { return Vit(options); }

/// y = x + self_attention(ln_1(x)), then y + mlp(ln_2(y)).
class TransformerBlock : public Module<TransformerBlock> {
 public:
  struct Options {
    std::size_t heads = 1, hidden = 1;
    double dropout = 0.0, epsilon = 1e-6;
    bool causal = false;
    WeightOptions weights = {};
  };
  TransformerBlock(std::size_t features, const Options& options);

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  AnyModule ln_1_, attention_, dropout_, ln_2_, mlp_;
};

}  // namespace xtangent::nn
