#pragma once

#include <oneapi/tbb/global_control.h>

#include <optional>

namespace xtangent::examples {

/// Limits computations to this many threads as long as it lives; 0 leaves the number as it is.
class ThreadLimit {
 public:
  explicit ThreadLimit(std::size_t threads) {
    if (threads) limit_.emplace(oneapi::tbb::global_control::max_allowed_parallelism, threads);
  }

 private:
  std::optional<oneapi::tbb::global_control> limit_;
};

}  // namespace xtangent::examples
