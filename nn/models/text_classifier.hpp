#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

struct TextOptions {
  std::size_t features = 64, hidden = 128;
  std::size_t classes = 2;
  double width = 1.0;  ///< factor of features and hidden
  WeightOptions weights = {};
};

/// A bag of words: rows of an embedding for the tokens (N, T), whole numbers below `vocabulary`; their mean; a linear
/// map, relu, a linear map. Parameters "embedding.weight", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias".
Sequential text_classifier(std::size_t vocabulary, TextOptions options = {});

}  // namespace xtangent::nn
