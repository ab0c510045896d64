// Compiled once for each instruction set: the build defines XTANGENT_ISA to baseline, avx2 or avx512.
#include "autodiff/kernels/simd/bfloat16.hpp"

#include <bit>

#include "autodiff/kernels/simd/bfloat16_tables.hpp"

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

// The carry of the added half changes the exponent where the mantissa overflows, as it should.
void round(std::size_t n, const float* x, std::uint16_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i]);
    const std::uint32_t nearest = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16, quiet = (bits >> 16) | 0x40U;
    out[i] = static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet : nearest);
  }
}

void widen(std::size_t n, const std::uint16_t* x, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(x[i]) << 16);
}

// In lanes, which the compiler makes vectors of.
RoundingSums sums(std::size_t n, const float* x, const std::uint16_t* rounded) {
  constexpr std::size_t lanes = 16, block = 4096;
  RoundingSums out;
  for (std::size_t begin = 0; begin < n; begin += block) {
    float squares[lanes] = {}, errors[lanes] = {};
    const std::size_t end = begin + block < n ? begin + block : n, whole = begin + (end - begin) / lanes * lanes;
    const auto add = [&](std::size_t i, std::size_t lane) {
      const float value = x[i], wide = std::bit_cast<float>(static_cast<std::uint32_t>(rounded[i]) << 16);
      squares[lane] += value * value;
      errors[lane] += value * (wide - value);
    };
    for (std::size_t i = begin; i < whole; i += lanes)
      for (std::size_t lane = 0; lane < lanes; ++lane) add(i + lane, lane);
    for (std::size_t i = whole; i < end; ++i) add(i, i - whole);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      out.squares += static_cast<double>(squares[lane]);
      out.errors += static_cast<double>(errors[lane]);
    }
  }
  return out;
}

constexpr Bfloat16Loops all_loops{round, widen, sums};

}  // namespace

const Bfloat16Loops& bfloat16_table() { return all_loops; }

}  // namespace xtangent::kernels::XTANGENT_ISA
