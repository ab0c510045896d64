#pragma once

#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/shape.hpp"

/// Elementwise kernels on contiguous row-major arrays: broadcasting and threads around the loops of simd/loops.hpp.
namespace xtangent::kernels {

/// y = f(x)
template <class T>
void unary(Function function, double parameter, std::size_t n, const T* x, T* y);

/// out[r n + i] = t[r n + i] * slope(x[i], y[i]) for r in [0, repeats). All repeats (probes) share one slope.
template <class T>
void slope_product(Function function, double parameter, std::size_t n, std::size_t repeats, const T* x, const T* y,
                   const T* t, T* out);

/// out = a op b with NumPy broadcasting; `shape` is the broadcast of both.
template <class T>
void binary(Binary op, const Shape& shape, const T* a, const Shape& shape_a, const T* b, const Shape& shape_b, T* out);

/// out = a where mask is not 0, else b; a step of 0 repeats the first element.
template <class T>
void where(std::size_t n, const T* mask, std::size_t step_mask, const T* a, std::size_t step_a, const T* b,
           std::size_t step_b, T* out);

/// y = a x + b
template <class T>
void affine(std::size_t n, T a, T b, const T* x, T* y);

/// y += a x
template <class T>
void axpy(std::size_t n, T a, const T* x, T* y);

/// out = x broadcast to `shape`.
template <class T>
void broadcast(const Shape& shape, const T* x, const Shape& shape_x, T* out);

}  // namespace xtangent::kernels
