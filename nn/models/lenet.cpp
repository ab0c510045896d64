#include "nn/models/lenet.hpp"

#include "nn/layers/conv2d.hpp"
#include "nn/layers/pooling.hpp"

namespace xtangent::nn {

Sequential lenet(std::size_t classes, WeightOptions options) {
  return sequential(Conv2d{1, 6, 5, {.padding = {2, 2}}, options}, Tanh{}, AvgPool2d{2},  // 6 x 14 x 14
                    Conv2d{6, 16, 5, {}, options}, Tanh{}, AvgPool2d{2}, Flatten{},       // 16 x 5 x 5
                    Linear{400, 120, options}, Tanh{}, Linear{120, 84, options}, Tanh{}, Linear{84, classes, options});
}

}  // namespace xtangent::nn
