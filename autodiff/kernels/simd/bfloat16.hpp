#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// Numbers of 16 bits that are the upper halves of floats, and products of matrices of them by the instructions that
/// some processors have for it.
namespace xtangent::kernels {

/// What rounding does to a vector x: the sum of its squares, and the sum of x times its rounding errors.
struct RoundingSums {
  double squares = 0, errors = 0;
};

/// Conversions, compiled once for each instruction set.
struct Bfloat16Loops {
  /// out = x rounded to nearest, ties to even. NaN stays NaN, and what rounds beyond the largest number is infinite.
  void (*round)(std::size_t n, const float* x, std::uint16_t* out);
  /// out = x, which is exact.
  void (*widen)(std::size_t n, const std::uint16_t* x, float* out);
  /// The sums for x and what it was rounded to, in float for 4,096 elements and in double beyond.
  RoundingSums (*sums)(std::size_t n, const float* x, const std::uint16_t* rounded);
};

/// The conversions for this processor.
const Bfloat16Loops& bfloat16_loops();

/// A product in float of matrices in bfloat16, compiled for one of the instructions AVX512-BF16 and AMX. Both take
/// numbers below 1.2e-38 as zeros.
struct Bfloat16Product {
  const char* instruction_set;
  /// The number of columns of a and b that are packed and multiplied at a time.
  std::size_t depth;
  /// Bytes of scratch for `add`.
  std::size_t (*room)(std::size_t rows, std::size_t columns, std::size_t depth);
  /// c += a b^T for a (rows, length), b (columns, length) and c (rows, columns), whose rows are lda, ldb and ldc
  /// elements apart. `depth` is a multiple of 32, and `scratch` is aligned to 64 bytes.
  void (*add)(std::size_t rows, std::size_t columns, std::size_t length, const std::uint16_t* a, std::size_t lda,
              const std::uint16_t* b, std::size_t ldb, float* c, std::size_t ldc, std::size_t depth, void* scratch);
};

/// The products that this processor and its operating system run, AMX last. Linux is asked once for the registers of
/// AMX, which it grants to the process.
const std::vector<const Bfloat16Product*>& bfloat16_products();
/// The fastest of them, or null if products in float are faster than each: there are none, or AVX512-BF16 alone on a
/// processor of Intel, whose products in float take no longer.
const Bfloat16Product* fastest_bfloat16_product();

}  // namespace xtangent::kernels
