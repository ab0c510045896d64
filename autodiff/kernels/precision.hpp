#pragma once

#include <cstddef>

/// Conversions between sums in double and values of T = float or double, by several threads where that is worth it.
namespace xtangent::kernels {

/// out += x
template <class T>
void add_widened(std::size_t n, const T* x, double* out);

/// out = x, rounded to nearest
template <class T>
void narrow(std::size_t n, const double* x, T* out);

}  // namespace xtangent::kernels
