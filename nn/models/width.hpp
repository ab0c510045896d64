#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "nn/initialize.hpp"

namespace xtangent::nn {

/// A width times a factor, rounded to a multiple of `multiple` that is not 0. Throws option_error naming `who` for a
/// factor that is not positive.
inline std::size_t scaled_width(const char* who, std::size_t width, double factor, std::size_t multiple = 1) {
  if (!(factor > 0.0) || !std::isfinite(factor))
    throw option_error(std::string("[") + who + "] a width of " + std::to_string(factor) +
                       " times the usual one. The factor must be positive.");
  const double parts = std::round(static_cast<double>(width) * factor / static_cast<double>(multiple));
  return multiple * static_cast<std::size_t>(std::max(1.0, parts));
}

inline WeightOptions without_bias(WeightOptions weights) {
  weights.bias = false;
  return weights;
}

/// The same options with PyTorch's default initialization, which the last layer of these networks has.
inline WeightOptions with_default_initialization(WeightOptions weights) {
  weights.initialization = Initialization::pytorch;
  return weights;
}

}  // namespace xtangent::nn
