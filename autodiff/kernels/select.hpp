#pragma once

#include <cstddef>
#include <cstdint>

/// Picks elements by their index within blocks, as pooling picks maxima. All repeats (probes) use the same index.
namespace xtangent::kernels {

/// out (repeats, blocks, picks): out[r, b, j] = x[r, b, index[b, j]] of x (repeats, blocks, block).
template <class T>
void select(std::size_t repeats, std::size_t blocks, std::size_t block, std::size_t picks, const std::uint32_t* index,
            const T* x, T* out);

/// The transpose: out (repeats, blocks, block) starts as zeros, then out[r, b, index[b, j]] += x[r, b, j].
template <class T>
void unselect(std::size_t repeats, std::size_t blocks, std::size_t block, std::size_t picks, const std::uint32_t* index,
              const T* x, T* out);

}  // namespace xtangent::kernels
