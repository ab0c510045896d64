#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

/// Three 3x3 convolutions without padding to 32 channels on images (3, 32, 32), with relu after the first two, then a
/// linear map from 21632 features to the classes. `width` multiplies the number of channels; throws option_error unless
/// it is positive.
Sequential cnn(std::size_t classes = 10, WeightOptions options = {}, double width = 1.0);

/// A small network whose last hidden layer has `width` features, for images (channels, H, W) with H, W >= 8:
/// conv 3x3 to width/8 channels, relu, max pool 2, conv 3x3 to width/4 channels, relu, max pool 2, means over a 2x2
/// grid (the identity for 8x8 images), linear. Throws shape_error unless width is a positive multiple of 8.
Sequential convnet(std::size_t width, std::size_t channels = 1, std::size_t classes = 10, WeightOptions options = {});

}  // namespace xtangent::nn
