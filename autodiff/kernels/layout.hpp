#pragma once

#include <vector>

#include "autodiff/shape.hpp"

/// Kernels that move elements without computing on them.
namespace xtangent::kernels {

/// out = x with its axes permuted: axis a of the result is axis order[a] of x.
template <class T>
void transpose(const Shape& shape_x, const std::vector<std::size_t>& order, const T* x, T* out);

/// Copies a block of `rows` runs of `run` elements: out[r * out_stride] <- x[r * x_stride].
template <class T>
void copy_runs(std::size_t rows, std::size_t run, const T* x, std::size_t x_stride, T* out, std::size_t out_stride);

/// out (outer, count, inner): out[o, j] = x[o, index[j]] of x (outer, extent, inner).
template <class T>
void gather(std::size_t outer, std::size_t extent, std::size_t inner, const std::vector<std::size_t>& index, const T* x,
            T* out);

/// x (outer, extent, inner) += scattered rows (outer, count, inner): x[o, index[j]] += rows[o, j].
template <class T>
void scatter_add(std::size_t outer, std::size_t extent, std::size_t inner, const std::vector<std::size_t>& index,
                 const T* rows, T* x);

/// out = x as whole numbers. Returns the place of the first one that is not in 0 ... extent - 1, or n if there is none.
template <class T>
std::size_t to_indices(std::size_t n, const T* x, std::size_t extent, std::size_t* out);

}  // namespace xtangent::kernels
