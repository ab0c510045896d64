#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "examples/solve/settings.hpp"
#include "ntk/distributed/communicator.hpp"

namespace xtangent::examples {

/// Solves with the stored kernel for each ridge, and prints what came out. Several ranks factor it in their memories,
/// one leaves the factor on the disk. Throws what reading and factoring throw.
void solve(const SolveSettings& settings, const std::shared_ptr<ntk::Communicator>& ranks);
/// The same with the kernel in another folder than the settings say. Calls `at_the_end` while no other process of the
/// same command can begin.
void solve_stored(const SolveSettings& settings, const std::filesystem::path& store,
                  const std::shared_ptr<ntk::Communicator>& ranks, const std::function<void()>& at_the_end);

}  // namespace xtangent::examples
