#pragma once

#include <memory>

#include "examples/solve/settings.hpp"
#include "ntk/distributed/communicator.hpp"

namespace xtangent::examples {

/// Solves with the eNTK of the network in the settings, which is never formed, for each ridge, and prints what came
/// out. Throws what reading, ntk::solve and writing throw.
void solve_network(const SolveSettings& settings, const std::shared_ptr<ntk::Communicator>& ranks);

/// Bytes that this process may hold: --memory, or half of what is free, divided by the ranks of this machine.
std::size_t memory_of(const SolveSettings& settings, const ntk::Communicator& ranks);

}  // namespace xtangent::examples
