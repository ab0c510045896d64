#include "nn/models/lenet.hpp"

#include "nn/layers/conv2d.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/width.hpp"

namespace xtangent::nn {

Sequential lenet(std::size_t classes, WeightOptions options, double width) {
  const auto scaled = [width](std::size_t n) { return scaled_width("lenet", n, width); };
  const std::size_t c1 = scaled(6), c2 = scaled(16), f1 = scaled(120), f2 = scaled(84);
  return sequential(Conv2d{1, c1, 5, {.padding = {2, 2}}, options}, Tanh{}, AvgPool2d{2},  // c1 x 14 x 14
                    Conv2d{c1, c2, 5, {}, options}, Tanh{}, AvgPool2d{2}, Flatten{},       // c2 x 5 x 5
                    Linear{c2 * 25, f1, options}, Tanh{}, Linear{f1, f2, options}, Tanh{},
                    Linear{f2, classes, options});
}

}  // namespace xtangent::nn
