#pragma once

#include <cstddef>

namespace xtangent::ntk {

/// The number of bytes that a computation may hold: `bytes`, or, if that is 0, half of what the machine has free and
/// the library keeps for new arrays.
double memory_budget(std::size_t bytes);

}  // namespace xtangent::ntk
