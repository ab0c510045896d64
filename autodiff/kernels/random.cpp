#include "autodiff/kernels/random.hpp"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::size_t grain = 1 << 14;  // even, so that both numbers of a counter are drawn in one piece

std::uint64_t joined(std::uint32_t low, std::uint32_t high) { return (std::uint64_t{high} << 32) | low; }

// A number in [0, 1) with 53 bits.
double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// Draws two numbers for each counter; `pair` makes them from the counter's two numbers in [0, 1).
template <class T, class Pair>
void fill_pairs(std::uint64_t seed, std::uint64_t stream, std::size_t n, T* out, Pair pair) {
  parallel_for(n, grain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; i += 2) {
      const std::array<std::uint32_t, 4> bits = philox(seed, stream, i / 2);
      const std::pair<double, double> values = pair(unit(joined(bits[0], bits[1])), unit(joined(bits[2], bits[3])));
      out[i] = static_cast<T>(values.first);
      if (i + 1 < last) out[i + 1] = static_cast<T>(values.second);
    }
  });
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  std::array<std::uint32_t, 4> x = {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                                    static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
  auto key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * x[0], b = std::uint64_t{0xCD9E8D57u} * x[2];
    x = {static_cast<std::uint32_t>(b >> 32) ^ x[1] ^ key0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ x[3] ^ key1, static_cast<std::uint32_t>(a)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return x;
}

template <class T>
void fill_uniform(std::uint64_t seed, std::uint64_t stream, double low, double high, std::size_t n, T* out) {
  const double width = high - low;
  fill_pairs(seed, stream, n, out, [=](double u, double v) { return std::pair(low + width * u, low + width * v); });
}

template <class T>
void fill_normal(std::uint64_t seed, std::uint64_t stream, double mean, double deviation, std::size_t n, T* out) {
  fill_pairs(seed, stream, n, out, [=](double u, double v) {
    const double radius = deviation * std::sqrt(-2.0 * std::log1p(-u)), angle = 2.0 * std::numbers::pi * v;
    return std::pair(mean + radius * std::cos(angle), mean + radius * std::sin(angle));
  });
}

std::vector<std::size_t> permutation(std::uint64_t seed, std::uint64_t stream, std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i) {
    const std::array<std::uint32_t, 4> bits = philox(seed, stream, i);
    std::swap(order[i - 1], order[static_cast<std::size_t>(joined(bits[0], bits[1]) % i)]);
  }
  return order;
}

#define XTANGENT_INSTANTIATE(T)                                                              \
  template void fill_uniform(std::uint64_t, std::uint64_t, double, double, std::size_t, T*); \
  template void fill_normal(std::uint64_t, std::uint64_t, double, double, std::size_t, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
