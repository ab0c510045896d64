#include "autodiff/kernels/parallel.hpp"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

namespace xtangent::kernels {

void parallel_for(std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& f) {
  grain = std::max<std::size_t>(grain, 1);
  const std::size_t pieces = (count + grain - 1) / grain;
  if (pieces <= 1) {
    if (count) f(0, count);
    return;
  }
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(
        std::size_t(0), pieces, [&](std::size_t p) { f(p * grain, std::min(count, (p + 1) * grain)); },
        tbb::simple_partitioner());
  });
}

std::size_t thread_count() { return static_cast<std::size_t>(tbb::this_task_arena::max_concurrency()); }

}  // namespace xtangent::kernels
