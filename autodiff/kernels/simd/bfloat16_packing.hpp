#pragma once

// How operands in bfloat16 are packed for AVX512-BF16 and AMX. Only files that are compiled for these instructions
// include this one. A pair of numbers, columns 2p and 2p + 1 of a row, is one element of 32 bits here, as it is for the
// instructions.

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

constexpr std::size_t lanes = 16;       // rows of a group, and pairs of a step
constexpr std::size_t step = 32;        // numbers that a row has in a step
constexpr std::size_t group = 16 * 16;  // pairs of a group in a step

inline std::size_t steps_of(std::size_t length) { return (length + step - 1) / step; }
inline std::size_t groups_of(std::size_t rows) { return (rows + lanes - 1) / lanes; }

// The numbers of one row in a step, with zeros beyond its end.
inline __m512i row_of(const std::uint16_t* x, std::size_t left) {
  if (left >= step) return _mm512_loadu_si512(x);
  return _mm512_maskz_loadu_epi16((__mmask32{1} << left) - 1, x);
}

// Writes the transpose of 16 rows of 16 pairs; row i of the result begins at out + i * apart. Rows are written in
// rising order, so with `apart` below 16 each overwrites the end of the one before it.
inline void store_transposed(const __m512i (&r)[16], std::int32_t* out, std::size_t apart) {
  __m512i t[16], u[16], w[16];
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i) {
    u[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    u[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int j = 0; j < 4; ++j) {  // u[4 i + j] has column 4 q + j of rows 4 i to 4 i + 3 in its quarter q
    const __m512i a = _mm512_shuffle_i32x4(u[j], u[4 + j], 0x88), b = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0x88);
    const __m512i c = _mm512_shuffle_i32x4(u[j], u[4 + j], 0xdd), d = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0xdd);
    w[j] = _mm512_shuffle_i32x4(a, b, 0x88);
    w[4 + j] = _mm512_shuffle_i32x4(c, d, 0x88);
    w[8 + j] = _mm512_shuffle_i32x4(a, b, 0xdd);
    w[12 + j] = _mm512_shuffle_i32x4(c, d, 0xdd);
  }
  for (std::size_t i = 0; i < 16; ++i) _mm512_storeu_si512(out + i * apart, w[i]);
}

// out[p * apart + r] = pair p of row r, for at most 16 rows and whole steps; rows that there are not are zeros. With
// `apart` below 16 the last store writes 16 - apart elements beyond the end.
inline void pack_pairs(std::size_t rows, std::size_t length, const std::uint16_t* x, std::size_t ldx, std::int32_t* out,
                       std::size_t apart) {
  for (std::size_t s = 0; s < steps_of(length); ++s) {
    __m512i r[16];
    for (std::size_t i = 0; i < 16; ++i)
      r[i] = i < rows ? row_of(x + i * ldx + s * step, length - s * step) : _mm512_setzero_si512();
    store_transposed(r, out + s * lanes * apart, apart);
  }
}

// All rows in groups of 16, of which there are so many: pair p of row r of a group is at (group, p, r).
inline void pack_columns(std::size_t rows, std::size_t groups, std::size_t length, const std::uint16_t* x,
                         std::size_t ldx, std::int32_t* out) {
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t first = std::min(rows, g * lanes);
    pack_pairs(std::min(lanes, rows - first), length, x + first * ldx, ldx, out + g * steps_of(length) * group, lanes);
  }
}

}  // namespace
}  // namespace xtangent::kernels::XTANGENT_ISA
