// Products of matrices in bfloat16 by AVX512-BF16. An instruction adds the products of 16 pairs to 16 sums, so a block
// of 14 rows and 32 columns keeps 28 registers of sums.
#include "autodiff/kernels/simd/bfloat16_packing.hpp"
#include "autodiff/kernels/simd/bfloat16_tables.hpp"

namespace xtangent::kernels::avx512bf16 {
namespace {

constexpr std::size_t block_rows = 14, block_columns = 32;

std::size_t blocks_of(std::size_t rows) { return (rows + block_rows - 1) / block_rows; }
std::size_t column_groups(std::size_t columns) { return (columns + block_columns - 1) / block_columns * 2; }

// Pairs that a block of so many rows takes, with room for the last store of pack_pairs.
constexpr std::size_t row_block_size(std::size_t steps) { return steps * lanes * block_rows + lanes; }

std::size_t room(std::size_t rows, std::size_t columns, std::size_t depth) {
  const std::size_t steps = steps_of(depth);
  return (column_groups(columns) * steps * group + blocks_of(rows) * row_block_size(steps)) * sizeof(std::int32_t);
}

// c (R, up to 32) += the products of R packed rows with two packed groups of 16 columns. The masks say which columns
// there are.
template <std::size_t R>
void multiply(std::size_t pairs, const std::int32_t* a, const std::int32_t* b0, const std::int32_t* b1, float* c,
              std::size_t ldc, __mmask16 first, __mmask16 second) {
  __m512 sums[R][2];
#pragma GCC unroll 14
  for (std::size_t r = 0; r < R; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (std::size_t p = 0; p < pairs; ++p) {
    const __m512bh y0 = (__m512bh)_mm512_load_si512(b0 + p * lanes), y1 = (__m512bh)_mm512_load_si512(b1 + p * lanes);
#pragma GCC unroll 14
    for (std::size_t r = 0; r < R; ++r) {
      const __m512bh x = (__m512bh)_mm512_set1_epi32(a[p * R + r]);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], y0, x);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], y1, x);
    }
  }
#pragma GCC unroll 14
  for (std::size_t r = 0; r < R; ++r) {
    float* to = c + r * ldc;
    _mm512_mask_storeu_ps(to, first, _mm512_add_ps(_mm512_maskz_loadu_ps(first, to), sums[r][0]));
    if (second)
      _mm512_mask_storeu_ps(to + lanes, second, _mm512_add_ps(_mm512_maskz_loadu_ps(second, to + lanes), sums[r][1]));
  }
}

using Multiply = void (*)(std::size_t, const std::int32_t*, const std::int32_t*, const std::int32_t*, float*,
                          std::size_t, __mmask16, __mmask16);
constexpr Multiply multiply_rows[block_rows + 1] = {
    nullptr,     multiply<1>, multiply<2>,  multiply<3>,  multiply<4>,  multiply<5>,  multiply<6>, multiply<7>,
    multiply<8>, multiply<9>, multiply<10>, multiply<11>, multiply<12>, multiply<13>, multiply<14>};

__mmask16 mask_of(std::size_t columns) {
  return static_cast<__mmask16>((1U << std::min<std::size_t>(columns, lanes)) - 1);
}

void add(std::size_t rows, std::size_t columns, std::size_t length, const std::uint16_t* a, std::size_t lda,
         const std::uint16_t* b, std::size_t ldb, float* c, std::size_t ldc, std::size_t depth, void* scratch) {
  for (std::size_t begin = 0; begin < length; begin += depth) {
    const std::size_t now = std::min(depth, length - begin), steps = steps_of(now), pairs = steps * lanes;
    auto* packed_columns = static_cast<std::int32_t*>(scratch);
    std::int32_t* packed_rows = packed_columns + column_groups(columns) * steps * group;
    pack_columns(columns, column_groups(columns), now, b + begin, ldb, packed_columns);
    for (std::size_t i = 0; i < rows; i += block_rows) {
      const std::size_t high = std::min(block_rows, rows - i);
      pack_pairs(high, now, a + i * lda + begin, lda, packed_rows + i / block_rows * row_block_size(steps), high);
    }
    for (std::size_t j = 0; j < columns; j += block_columns) {
      const std::int32_t *b0 = packed_columns + j / lanes * steps * group, *b1 = b0 + steps * group;
      const std::size_t wide = std::min(block_columns, columns - j);
      const __mmask16 first = mask_of(wide), second = mask_of(wide > lanes ? wide - lanes : 0);
      for (std::size_t i = 0; i < rows; i += block_rows)
        multiply_rows[std::min(block_rows, rows - i)](pairs, packed_rows + i / block_rows * row_block_size(steps), b0,
                                                      b1, c + i * ldc + j, ldc, first, second);
    }
  }
}

constexpr Bfloat16Product product_of{"AVX512-BF16", 256, room, add};

}  // namespace

const Bfloat16Product& bfloat16_product() { return product_of; }

}  // namespace xtangent::kernels::avx512bf16
