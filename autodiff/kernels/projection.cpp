#include "autodiff/kernels/projection.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

#include "autodiff/kernels/random.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::uint32_t sign_bit = 0x80000000u;
constexpr std::size_t counters = std::size_t{1} << 32;  // elements that share the keys of their hash

// A hash of 32 bits with two keys. Its multipliers and shifts are those of the finalizer of MurmurHash3, which is
// applied twice, so that elements whose numbers differ in a few bits go to unrelated places.
std::uint32_t mixed(std::uint32_t x, std::uint32_t key) {
  x += key;
  x ^= x >> 16;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  x *= 0xc2b2ae35u;
  return x ^ (x >> 16);
}

// Many sums do not fit a core's caches, and a random place in them takes longer than all the rest. So runs of elements
// go to windows of the sums, one run after the other, to all windows in each turn. Pairs in one run meet more often
// than others, and those whose runs go to different windows never do. With so many turns that cancels out: a pair of a
// stream meets as often as one whose places are drawn from all sums. Short streams have fewer and larger windows.
constexpr std::size_t window = 4096, longest_run = 4096, shortest_run = 16, turns = 8;

struct Runs {
  std::size_t windows, length;

  Runs(std::size_t elements, std::size_t count)
      : windows(std::max<std::size_t>(1, std::min(count / window, elements / (turns * shortest_run)))),
        length(windows == 1 ? longest_run : std::clamp(elements / (turns * windows), shortest_run, longest_run)) {}

  // The window of a run. Each turn begins with another window, so that a period of the elements finds none in the
  // places.
  std::size_t window_of(std::size_t run, std::uint32_t key) const {
    const std::uint32_t start = mixed(static_cast<std::uint32_t>(run / windows), key);
    return (start + run % windows) % windows;
  }
};

}  // namespace

void sign_places(std::uint64_t seed, std::uint64_t stream, std::size_t elements, std::size_t first, std::size_t last,
                 std::size_t count, std::uint32_t* out) {
  const Runs runs(elements, count);
  while (first < last) {
    const std::size_t high = first / counters, same_keys = std::min(last, (high + 1) * counters);
    const std::array<std::uint32_t, 4> keys = philox(seed, stream, high);
    while (first < same_keys) {
      const std::size_t run = first / runs.length, end = std::min(same_keys, (run + 1) * runs.length);
      const std::size_t at = runs.window_of(run, keys[2]), begin = at * count / runs.windows;
      const std::uint64_t places = (at + 1) * count / runs.windows - begin;
      const auto low = static_cast<std::uint32_t>(first % counters), base = static_cast<std::uint32_t>(begin);
      for (std::size_t i = 0; i < end - first; ++i) {
        const std::uint32_t bits = mixed(mixed(low + static_cast<std::uint32_t>(i), keys[0]), keys[1]);
        out[i] = (base + static_cast<std::uint32_t>((bits & ~sign_bit) * places >> 31)) | (bits & sign_bit);
      }
      out += end - first;
      first = end;
    }
  }
}

template <class T>
void add_signed(std::size_t n, const std::uint32_t* places, const T* x, T* sums) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr int shift = 8 * (sizeof(T) - 4);
  constexpr std::size_t block = 512;
  // What vectors can do is done for a block first, and the additions alone are left for single elements.
  std::uint32_t sum_of[block];
  T value[block];
  for (std::size_t begin = 0; begin < n; begin += block) {
    const std::size_t here = std::min(block, n - begin);
    for (std::size_t i = 0; i < here; ++i) {
      const std::uint32_t place = places[begin + i];
      sum_of[i] = place & ~sign_bit;
      value[i] = std::bit_cast<T>(std::bit_cast<Bits>(x[begin + i]) ^ static_cast<Bits>(place & sign_bit) << shift);
    }
    std::size_t i = 0;
    for (; i + 4 <= here; i += 4) {
      sums[sum_of[i]] += value[i];
      sums[sum_of[i + 1]] += value[i + 1];
      sums[sum_of[i + 2]] += value[i + 2];
      sums[sum_of[i + 3]] += value[i + 3];
    }
    for (; i < here; ++i) sums[sum_of[i]] += value[i];
  }
}

template void add_signed(std::size_t, const std::uint32_t*, const float*, float*);
template void add_signed(std::size_t, const std::uint32_t*, const double*, double*);

}  // namespace xtangent::kernels
