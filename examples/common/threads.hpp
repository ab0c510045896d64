#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
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

/// The number of threads that computations use now.
inline std::size_t threads_in_use() {
  using oneapi::tbb::global_control;
  return std::min(global_control::active_value(global_control::max_allowed_parallelism),
                  static_cast<std::size_t>(oneapi::tbb::this_task_arena::max_concurrency()));
}

}  // namespace xtangent::examples
