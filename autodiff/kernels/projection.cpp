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

}  // namespace

void sign_places(std::uint64_t seed, std::uint64_t stream, std::size_t first, std::size_t last, std::size_t count,
                 std::uint32_t* out) {
  while (first < last) {
    const std::size_t high = first / counters, end = std::min(last, (high + 1) * counters);
    const std::array<std::uint32_t, 4> keys = philox(seed, stream, high);
    const auto low = static_cast<std::uint32_t>(first % counters);
    for (std::size_t i = 0; i < end - first; ++i) {
      const std::uint32_t bits = mixed(mixed(low + static_cast<std::uint32_t>(i), keys[0]), keys[1]);
      out[i] = static_cast<std::uint32_t>(std::uint64_t{bits & ~sign_bit} * count >> 31) | (bits & sign_bit);
    }
    out += end - first;
    first = end;
  }
}

template <class T>
void add_signed(std::size_t n, const std::uint32_t* places, const T* x, T* sums) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr int shift = 8 * (sizeof(T) - 4);
  for (std::size_t i = 0; i < n; ++i) {
    const Bits sign = static_cast<Bits>(places[i] & sign_bit) << shift;
    sums[places[i] & ~sign_bit] += std::bit_cast<T>(std::bit_cast<Bits>(x[i]) ^ sign);
  }
}

template void add_signed(std::size_t, const std::uint32_t*, const float*, float*);
template void add_signed(std::size_t, const std::uint32_t*, const double*, double*);

}  // namespace xtangent::kernels
