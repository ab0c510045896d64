#include "autodiff/kernels/bfloat16.hpp"

#include <algorithm>

#include "autodiff/array.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/simd/bfloat16.hpp"

namespace xtangent::kernels {
namespace {

// Both keep the packed operands in the cache, and take at most so many bytes for a row of an operand.
constexpr std::size_t widened_depth = 512, bytes_for_row = 2048;
constexpr std::size_t padding = 32;  // rows by which instructions fill up their blocks

// out (rows, length) = x, widened, for rows that are ldx elements apart
void widen_rows(std::size_t rows, std::size_t length, const std::uint16_t* x, std::size_t ldx, float* out) {
  for (std::size_t i = 0; i < rows; ++i) bfloat16_loops().widen(length, x + i * ldx, out + i * length);
}

}  // namespace

void widened_bfloat16_product(std::size_t rows, std::size_t columns, std::size_t length, const std::uint16_t* a,
                              std::size_t lda, const std::uint16_t* b, std::size_t ldb, float* c, std::size_t ldc) {
  for (std::size_t i = 0; i < rows; ++i) std::fill_n(c + i * ldc, columns, 0.0F);
  if (rows == 0 || columns == 0 || length == 0) return;
  const std::size_t most = std::min(length, widened_depth);
  Array<float> of_rows({rows, most}), of_columns({columns, most});
  float *wide_rows = of_rows.mutable_data(), *wide_columns = of_columns.mutable_data();
  for (std::size_t begin = 0; begin < length; begin += most) {
    const std::size_t now = std::min(most, length - begin);
    widen_rows(rows, now, a + begin, lda, wide_rows);
    if (a != b || rows != columns || lda != ldb) widen_rows(columns, now, b + begin, ldb, wide_columns);
    const float* others = a != b || rows != columns || lda != ldb ? wide_columns : wide_rows;
    gemm_serial(false, true, rows, columns, now, 1.0F, wide_rows, now, others, now, 1.0F, c, ldc);
  }
}

void bfloat16_product(std::size_t rows, std::size_t columns, std::size_t length, const std::uint16_t* a,
                      std::size_t lda, const std::uint16_t* b, std::size_t ldb, float* c, std::size_t ldc) {
  const Bfloat16Product* product = fastest_bfloat16_product();
  if (!product) return widened_bfloat16_product(rows, columns, length, a, lda, b, ldb, c, ldc);
  for (std::size_t i = 0; i < rows; ++i) std::fill_n(c + i * ldc, columns, 0.0F);
  if (rows == 0 || columns == 0 || length == 0) return;
  Array<float> scratch({(product->room(rows, columns, product->depth) + sizeof(float) - 1) / sizeof(float)});
  product->add(rows, columns, length, a, lda, b, ldb, c, ldc, product->depth, scratch.mutable_data());
}

std::size_t bfloat16_product_bytes(std::size_t rows, std::size_t columns) {
  const auto padded = [](std::size_t n) { return (n + padding - 1) / padding * padding; };
  return (padded(rows) + padded(columns)) * bytes_for_row;
}

const char* bfloat16_instructions() {
  const Bfloat16Product* product = fastest_bfloat16_product();
  return product ? product->instruction_set : nullptr;
}

}  // namespace xtangent::kernels
