#pragma once

#include <cstdint>
#include <vector>

#include "autodiff/shape.hpp"

/// Kernels that combine elements.
namespace xtangent::kernels {

/// out = sum of x over the axes with reduced[axis]; out has the kept axes in order.
template <class T>
void sum_axes(const Shape& shape, const std::vector<bool>& reduced, const T* x, T* out);

/// out (outer, extent, inner): entry i is the sum of entries 0 to i of the middle axis of x, or of i to the last with
/// `reverse`, added in double.
template <class T>
void cumulative_sum(std::size_t outer, std::size_t extent, std::size_t inner, bool reverse, const T* x, T* out);

/// out (outer, inner) = the maximum over the middle axis of x (outer, extent, inner); extent > 0.
template <class T>
void max_axis(std::size_t outer, std::size_t extent, std::size_t inner, const T* x, T* out);
/// index (outer, inner) = the place of each maximum in its block (extent, inner) of x, the first of equal ones.
template <class T>
void argmax_axis(std::size_t outer, std::size_t extent, std::size_t inner, const T* x, std::uint32_t* index);

/// out (rows) = log of the sum of the exponentials of each row of x (rows, n); stable for any finite input.
template <class T>
void logsumexp_rows(std::size_t rows, std::size_t n, const T* x, T* out);
template <class T>
void softmax_rows(std::size_t rows, std::size_t n, const T* x, T* out);
/// out = y (t - <y, t>) for each row of y (rows, n), a softmax, and the rows of t (repeats, rows, n).
template <class T>
void softmax_slope_rows(std::size_t rows, std::size_t n, std::size_t repeats, const T* y, const T* t, T* out);
template <class T>
void log_softmax_rows(std::size_t rows, std::size_t n, const T* x, T* out);

}  // namespace xtangent::kernels
