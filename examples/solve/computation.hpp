#pragma once

#include "examples/solve/settings.hpp"

namespace xtangent::examples {

/// Solves with the stored kernel for each ridge, and prints what came out. Throws what reading and factoring throw.
void solve(const SolveSettings& settings);

}  // namespace xtangent::examples
