#pragma once

#include <cstddef>
#include <cstdint>

/// Products of matrices in bfloat16, whose entries are the upper halves of floats, with sums in float.
namespace xtangent::kernels {

/// c (rows, columns) = a b^T for a (rows, length) and b (columns, length), whose rows are lda, ldb and ldc elements
/// apart, in the calling thread only. The fastest of the processor's instructions computes it; without such
/// instructions the operands are widened and multiplied in float. All add up the same products, in another order.
void bfloat16_product(std::size_t rows, std::size_t columns, std::size_t length, const std::uint16_t* a,
                      std::size_t lda, const std::uint16_t* b, std::size_t ldb, float* c, std::size_t ldc);

/// The same by widening the operands, which every processor can.
void widened_bfloat16_product(std::size_t rows, std::size_t columns, std::size_t length, const std::uint16_t* a,
                              std::size_t lda, const std::uint16_t* b, std::size_t ldb, float* c, std::size_t ldc);

/// The most bytes of scratch that one such call takes, on any processor.
std::size_t bfloat16_product_bytes(std::size_t rows, std::size_t columns);

/// The instructions that compute these products here, or null if they are emulated.
const char* bfloat16_instructions();

}  // namespace xtangent::kernels
