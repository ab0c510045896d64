#pragma once

#include <cstdint>
#include <vector>

#include "autodiff/shape.hpp"

/// Kernels that combine elements.
namespace xtangent::kernels {

/// out = sum of x over the axes with reduced[axis]; out has the kept axes in order.
template <class T>
void sum_axes(const Shape& shape, const std::vector<bool>& reduced, const T* x, T* out);

/// Over the middle axis of x (outer, extent, inner); extent > 0.
template <class T>
void max_axis(std::size_t outer, std::size_t extent, std::size_t inner, const T* x, T* out);
/// Where in its block (extent, inner) of x each maximum stands first: index (outer, inner).
template <class T>
void argmax_axis(std::size_t outer, std::size_t extent, std::size_t inner, const T* x, std::uint32_t* index);

/// Rows of x (rows, n): log of the sum of exponentials; stable for any finite input.
template <class T>
void logsumexp_rows(std::size_t rows, std::size_t n, const T* x, T* out);
template <class T>
void softmax_rows(std::size_t rows, std::size_t n, const T* x, T* out);
template <class T>
void log_softmax_rows(std::size_t rows, std::size_t n, const T* x, T* out);

}  // namespace xtangent::kernels
