#pragma once

#include <cstdint>

#include "ntk/contraction/block.hpp"
#include "ntk/contraction/side.hpp"

/// Grams of long rows, such as gradients.
namespace xtangent::ntk {

/// Products of so many elements of the rows are added in float, or in double if the rows are; the sums of several such
/// runs are added in double and in order.
inline constexpr std::size_t run_length = 8192;

/// values += A B^T for A (K N, length) and B (K' M, length) in E: float, double, or bfloat16 as std::uint16_t. Either
/// both have scales or none has.
template <class E>
void add_long_gram(Rows<E> a, Rows<E> b, Block& block);

/// The scratch bytes of such a Gram of a block, whose rows have so many elements. `rounded` says that they are in
/// bfloat16.
std::size_t long_gram_bytes(const BlockShape& block, std::size_t length, bool rounded, const Workspace& workspace);

}  // namespace xtangent::ntk
