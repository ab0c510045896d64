#include "autodiff/kernels/parallel.hpp"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

#if defined(__SANITIZE_THREAD__)
#define XTANGENT_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define XTANGENT_THREAD_SANITIZER
#endif
#endif
#if defined(XTANGENT_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace xtangent::kernels {
namespace {

// oneTBB is not compiled for the thread sanitizer, which so cannot know that pieces start after the call of
// parallel_for and end before it returns. This tells it, and nothing of pieces among themselves: their races are seen.
class ForkJoin {
 public:
#if defined(XTANGENT_THREAD_SANITIZER)
  void fork() { __tsan_release(&start_); }
  void begin_piece() { __tsan_acquire(&start_); }
  void end_piece() { __tsan_release(&end_); }
  void join() { __tsan_acquire(&end_); }

 private:
  char start_ = 0, end_ = 0;
#else
  void fork() {}
  void begin_piece() {}
  void end_piece() {}
  void join() {}
#endif
};

}  // namespace

void parallel_for(std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& f) {
  grain = std::max<std::size_t>(grain, 1);
  const std::size_t pieces = (count + grain - 1) / grain;
  if (pieces <= 1) {
    if (count) f(0, count);
    return;
  }
  ForkJoin order;
  order.fork();
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(
        std::size_t(0), pieces,
        [&](std::size_t p) {
          order.begin_piece();
          f(p * grain, std::min(count, (p + 1) * grain));
          order.end_piece();
        },
        tbb::simple_partitioner());
  });
  order.join();
}

std::size_t thread_count() { return static_cast<std::size_t>(tbb::this_task_arena::max_concurrency()); }

}  // namespace xtangent::kernels
