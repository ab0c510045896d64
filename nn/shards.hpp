#pragma once

#include <algorithm>
#include <cstddef>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/range.hpp"
#include "nn/module.hpp"

/// Shards: runs of examples that are recorded and swept each by itself, in parallel. Results are put together in the
/// order of the shards, so they do not depend on the number of threads.
namespace xtangent::nn {

/// n examples in runs of `edge`, the last of which may be smaller.
struct Shards {
  std::size_t examples = 0, edge = 1;

  std::size_t count() const { return (examples + edge - 1) / edge; }
  Range operator[](std::size_t s) const { return {s * edge, std::min(examples, (s + 1) * edge)}; }
};

/// A tape, and what was recorded on it.
template <class T>
struct Recorded {
  Tape<T> tape;
  Recording<T> recording;
};

/// f(s) for all shards in parallel.
template <class F>
void for_each_shard(const Shards& shards, const F& f) {
  kernels::parallel_for(shards.count(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t s = first; s < last; ++s) f(s);
  });
}

/// f(s) for `wave` shards at a time in parallel, and after each wave done(s) for its shards in their order.
template <class F, class Done>
void in_waves(const Shards& shards, std::size_t wave, const F& f, const Done& done) {
  for (std::size_t begin = 0; begin < shards.count(); begin += wave) {
    const std::size_t end = std::min(shards.count(), begin + wave);
    kernels::parallel_for(end - begin, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t s = begin + first; s < begin + last; ++s) f(s);
    });
    for (std::size_t s = begin; s < end; ++s) done(s);
  }
}

}  // namespace xtangent::nn
