#pragma once

#include <cstddef>

namespace xtangent::ntk {

/// Bytes that a computation may hold: what options ask for, or, for 0, half of what the machine has free and the
/// library keeps for arrays to come.
double memory_budget(std::size_t bytes);

}  // namespace xtangent::ntk
