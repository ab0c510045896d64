#pragma once

#include "nn/layers/conv2d.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/sequential.hpp"
#include "nn/training/checkpoint.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace xtangent::fuzz {

/// A network with parameters and buffers, whose files are short.
inline nn::Sequential network() { return nn::sequential(nn::Conv2d{1, 2, 1}, nn::BatchNorm2d{2}); }
inline const nn::TrainingSettings settings = {{"seed", "1"}, {"epochs", "2"}};

}  // namespace xtangent::fuzz
