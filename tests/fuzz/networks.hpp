#pragma once

#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "nn/training/checkpoint.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace xtangent::fuzz {

inline nn::Sequential network() { return nn::sequential(nn::Linear(2, 3), nn::Linear(3, 1)); }
inline const nn::TrainingSettings settings = {{"seed", "1"}, {"epochs", "2"}};

}  // namespace xtangent::fuzz
