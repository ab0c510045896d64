#pragma once

#include "autodiff/op.hpp"

/// Arithmetic with NumPy broadcasting. All throw shape_error where shapes do not broadcast.
/// Cost: one pass over the result; derivatives the same.
namespace xtangent {

template <class T>
Var<T> add(const Var<T>& a, const Var<T>& b);
template <class T>
Var<T> subtract(const Var<T>& a, const Var<T>& b);
template <class T>
Var<T> multiply(const Var<T>& a, const Var<T>& b);
template <class T>
Var<T> divide(const Var<T>& a, const Var<T>& b);
/// Where both are equal, the derivative goes to `a`.
template <class T>
Var<T> maximum(const Var<T>& a, const Var<T>& b);
template <class T>
Var<T> minimum(const Var<T>& a, const Var<T>& b);
/// scale * x + shift
template <class T>
Var<T> affine(const Var<T>& x, double scale, double shift);

template <class T>
Var<T> operator+(const Var<T>& a, const Var<T>& b) {
  return add(a, b);
}
template <class T>
Var<T> operator-(const Var<T>& a, const Var<T>& b) {
  return subtract(a, b);
}
template <class T>
Var<T> operator*(const Var<T>& a, const Var<T>& b) {
  return multiply(a, b);
}
template <class T>
Var<T> operator/(const Var<T>& a, const Var<T>& b) {
  return divide(a, b);
}
template <class T>
Var<T> operator-(const Var<T>& a) {
  return affine(a, -1.0, 0.0);
}
template <class T>
Var<T> operator+(const Var<T>& a, double b) {
  return affine(a, 1.0, b);
}
template <class T>
Var<T> operator+(double a, const Var<T>& b) {
  return affine(b, 1.0, a);
}
template <class T>
Var<T> operator-(const Var<T>& a, double b) {
  return affine(a, 1.0, -b);
}
template <class T>
Var<T> operator-(double a, const Var<T>& b) {
  return affine(b, -1.0, a);
}
template <class T>
Var<T> operator*(const Var<T>& a, double b) {
  return affine(a, b, 0.0);
}
template <class T>
Var<T> operator*(double a, const Var<T>& b) {
  return affine(b, a, 0.0);
}
template <class T>
Var<T> operator/(const Var<T>& a, double b) {
  return affine(a, 1.0 / b, 0.0);
}

/// Sums x over those axes along which `shape` broadcasts to the shape of x: the transpose of broadcast_to.
template <class T>
Var<T> sum_to(const Var<T>& x, const Shape& shape);
/// x broadcast to `shape`.
template <class T>
Var<T> broadcast_to(const Var<T>& x, const Shape& shape);

/// The tangent of an argument of shape `from`, reshaped to broadcast against tangents of a result of rank `to_rank`:
/// axes of extent 1 go between its probe axis (if any) and the axes of the argument.
template <class T>
Var<T> align_probes(const Var<T>& tangent, const Shape& from, std::size_t to_rank);

/// The mark of an elementwise result. It stays axis0 if axis 0 of every batched argument is axis 0 of the result, and
/// no other argument varies along that axis.
Examples elementwise_examples(std::span<const Spec> x, const Shape& result);

}  // namespace xtangent
