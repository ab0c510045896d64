#pragma once

#include <vector>

#include "nn/sequential.hpp"

namespace xtangent::nn {

/// A fully connected network: mlp({784, 1024, 10}) is Linear 784-1024, Relu, Linear 1024-10, with parameters
/// "0.weight", "0.bias", "2.weight", "2.bias". Throws shape_error for fewer than two sizes, or a size of 0.
Sequential mlp(const std::vector<std::size_t>& sizes, AnyModule activation = Relu{}, WeightOptions options = {});

}  // namespace xtangent::nn
