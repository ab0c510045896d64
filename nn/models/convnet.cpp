#include "nn/models/convnet.hpp"

#include "nn/layers/conv2d.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/width.hpp"

namespace xtangent::nn {

Sequential cnn(std::size_t classes, WeightOptions options, double width) {
  const std::size_t c = scaled_width("cnn", 32, width);
  return sequential(Conv2d{3, c, 3, {}, options}, Relu{}, Conv2d{c, c, 3, {}, options}, Relu{},
                    Conv2d{c, c, 3, {}, options}, Flatten{}, Linear{c * 26 * 26, classes, options});
}

Sequential convnet(std::size_t width, std::size_t channels, std::size_t classes, WeightOptions options) {
  if (width == 0 || width % 8 != 0)
    throw shape_error("[convnet] width " + std::to_string(width) + ". It must be a positive multiple of 8.");
  const Conv2dOptions same = {.padding = {1, 1}};
  return sequential(Conv2d{channels, width / 8, 3, same, options}, Relu{}, MaxPool2d{2},
                    Conv2d{width / 8, width / 4, 3, same, options}, Relu{}, MaxPool2d{2}, AdaptiveAvgPool2d{2},
                    Flatten{}, Linear{width, classes, options});
}

}  // namespace xtangent::nn
