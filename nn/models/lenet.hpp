#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

/// LeNet-5 on images (1, 28, 28) with tanh and average pooling (LeCun et al. 1998, in its dense form): conv 1-6 5x5
/// padding 2, pool, conv 6-16 5x5, pool, linear 400-120-84-classes. It has 61,706 parameters for 10 classes. `width`
/// multiplies all numbers of channels and features; throws option_error unless it is positive.
Sequential lenet(std::size_t classes = 10, WeightOptions options = {}, double width = 1.0);

}  // namespace xtangent::nn
