#pragma once

#include <cstddef>
#include <functional>

namespace xtangent::kernels {

/// Calls f(first, last) on pieces of [0, count) with oneTBB. Each piece has `grain` indices (the last one may have
/// fewer) whatever the number of threads, so results do not depend on that number. Calls may be nested; a thread that
/// waits takes only pieces of the call it waits for.
void parallel_for(std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& f);

/// The number of threads that parallel_for may use here: those of the task arena, and no more than the limit of the
/// process (tbb::global_control).
std::size_t thread_count();

/// Calls f in this thread so that parallel_for uses at most `count` threads in it; a `count` above thread_count()
/// changes nothing.
void with_threads(std::size_t count, const std::function<void()>& f);

}  // namespace xtangent::kernels
