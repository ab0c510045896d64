#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "ntk/computation/claims.hpp"
#include "ntk/sharing.hpp"

/// Processes that share a store, and those that are dead or far away.
namespace xtangent::testing {

/// The number of a process of this machine that has ended.
inline std::int64_t dead_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

/// A process of another machine.
inline ntk::Claimant elsewhere() {
  ntk::Claimant out = ntk::this_process();
  out.host = "another";
  out.boot = "another boot";
  return out;
}

inline ntk::Sharing sharing_by_claims(double patience = 1000) {
  return {.mode = ntk::Sharing::Mode::claims, .patience = patience};
}
inline ntk::Sharing shard(std::size_t index, std::size_t count) {
  return {.mode = ntk::Sharing::Mode::shard, .shard = {index, count}};
}

}  // namespace xtangent::testing
