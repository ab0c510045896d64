#pragma once

#include <memory>

#include "examples/solve/settings.hpp"
#include "ntk/distributed/communicator.hpp"

namespace xtangent::examples {

/// Solves with the kernel of features in a folder for each ridge, and prints what came out. Where rows have fewer
/// numbers than there are examples, and their normal equations fit in memory, no kernel is formed; otherwise it goes to
/// kernel/ in the folder of the results. Throws what reading and factoring throw, shape_error (an example has several
/// rows).
void solve_features(const SolveSettings& settings, const std::shared_ptr<ntk::Communicator>& ranks);

}  // namespace xtangent::examples
