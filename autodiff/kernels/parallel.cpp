#include "autodiff/kernels/parallel.hpp"

#include <oneapi/tbb/global_control.h>
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
#include <array>
#include <exception>
#include <thread>
#include <vector>
#endif

namespace xtangent::kernels {
namespace {

#if defined(XTANGENT_THREAD_SANITIZER)
// The library of oneTBB is not compiled for the thread sanitizer, so each task that it hands from thread to thread
// would look like a race. In the build for the sanitizer plain threads take the pieces in turn, and races between
// pieces are seen.
template <class Piece>
void run_pieces(std::size_t pieces, const Piece& piece) {
  constexpr std::size_t width = 4;
  std::array<std::exception_ptr, width> failures;
  const auto run = [&](std::size_t first) {
    try {
      for (std::size_t p = first; p < pieces; p += width) piece(p);
    } catch (...) {
      failures[first] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 1; t < std::min(width, pieces); ++t) threads.emplace_back(run, t);
  run(0);
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}
#else
template <class Piece>
void run_pieces(std::size_t pieces, const Piece& piece) {
  tbb::this_task_arena::isolate([&] { tbb::parallel_for(std::size_t(0), pieces, piece, tbb::simple_partitioner()); });
}
#endif

}  // namespace

void parallel_for(std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& f) {
  grain = std::max<std::size_t>(grain, 1);
  const std::size_t pieces = (count + grain - 1) / grain;
  if (pieces <= 1) {
    if (count) f(0, count);
    return;
  }
  run_pieces(pieces, [&](std::size_t p) { f(p * grain, std::min(count, (p + 1) * grain)); });
}

std::size_t thread_count() {
  return std::min(static_cast<std::size_t>(tbb::this_task_arena::max_concurrency()),
                  tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
}

void with_threads(std::size_t count, const std::function<void()>& f) {
  count = std::max<std::size_t>(count, 1);
  if (count >= thread_count()) return f();
  tbb::task_arena arena(static_cast<int>(count));
  arena.execute(f);
}

}  // namespace xtangent::kernels
