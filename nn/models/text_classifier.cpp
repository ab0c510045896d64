#include "nn/models/text_classifier.hpp"

#include "nn/layers/embedding.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/width.hpp"

namespace xtangent::nn {

Sequential text_classifier(std::size_t vocabulary, TextOptions o) {
  const std::size_t features = scaled_width("text_classifier", o.features, o.width);
  const std::size_t hidden = scaled_width("text_classifier", o.hidden, o.width);
  const EmbeddingOptions embedding{.parameterization = o.weights.parameterization, .sigma_w = o.weights.sigma_w};
  return sequential(Named{{"embedding", Embedding{vocabulary, features, embedding}},
                          {"mean", MeanOfTokens{}},
                          {"fc1", Linear{features, hidden, o.weights}},
                          {"relu", Relu{}},
                          {"fc2", Linear{hidden, o.classes, o.weights}}});
}

}  // namespace xtangent::nn
