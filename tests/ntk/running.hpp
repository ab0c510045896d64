#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <optional>
#include <stdexcept>
#include <utility>

/// Ways to run what a test computes: by a number of threads, or until it is stopped.
namespace xtangent::testing {

/// f() in a task arena of so many threads, which may be more than the machine has cores.
template <class F>
auto among(std::size_t threads, const F& f) {
  const oneapi::tbb::global_control allowed(oneapi::tbb::global_control::max_allowed_parallelism, 8);
  oneapi::tbb::task_arena arena(static_cast<int>(threads));
  std::optional<decltype(f())> out;
  arena.execute([&] { out.emplace(f()); });
  return std::move(*out);
}

/// What a report of progress throws to end a computation, as if a user had pressed Ctrl-C.
struct Stop : std::runtime_error {
  Stop() : std::runtime_error("stop") {}
};

/// A report of progress that throws Stop at its call number `calls`, counted from 0.
inline auto stop_after(std::size_t calls) {
  return [calls](const auto&) mutable {
    if (calls-- == 0) throw Stop();
  };
}

}  // namespace xtangent::testing
