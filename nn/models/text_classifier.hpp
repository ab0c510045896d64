#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

struct TextOptions {
  std::size_t features = 64, hidden = 128;
  std::size_t classes = 2;
  double width = 1.0;  ///< multiplies features and hidden
  WeightOptions weights = {};
};

/// A bag of words: an embedding of the tokens (N, D), whole numbers below `vocabulary`, their mean, a linear map, relu,
/// and a linear map. The parameters are "embedding.weight", "fc1.weight", "fc1.bias", "fc2.weight" and "fc2.bias".
Sequential text_classifier(std::size_t vocabulary, TextOptions options = {});

}  // namespace xtangent::nn
