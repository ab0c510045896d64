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

constexpr Bfloat16Loops all_loops{round, widen};

}  // namespace

const Bfloat16Loops& bfloat16_table() { return all_loops; }

}  // namespace xtangent::kernels::XTANGENT_ISA
