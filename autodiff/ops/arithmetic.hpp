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
/// Where two arguments are equal, so that either is the result: each gets half of the derivative, as in PyTorch, or the
/// first gets all of it.
enum class Ties { halved, first };
template <class T>
Var<T> maximum(const Var<T>& a, const Var<T>& b, Ties ties = Ties::halved);
template <class T>
Var<T> minimum(const Var<T>& a, const Var<T>& b, Ties ties = Ties::halved);
/// a to the power of b. Where a is 0, the derivative in b is 0 for b >= 0, as in PyTorch.
template <class T>
Var<T> pow(const Var<T>& a, const Var<T>& b);
/// Elements of `a` where `mask` is not 0, else of `b`; all three broadcast. Neither derivatives nor NaN of what is not
/// taken pass through, and the mask has no derivative.
template <class T>
Var<T> where(const Var<T>& mask, const Var<T>& a, const Var<T>& b);
/// x with `value` wherever `mask` is not 0, such as -infinity before a softmax. The mask broadcasts.
template <class T>
Var<T> masked_fill(const Var<T>& x, const Var<T>& mask, double value) {
  return where(mask, Var<T>(Array<T>::scalar(static_cast<T>(value))), x);
}
/// The nearest number in [low, high]; `high` where low > high. Bounds may be infinite. The slope is 1 at both ends, as
/// in PyTorch before 2.14, which has 0 at ends that are numbers and 1 / 2 at ends that are arrays.
template <class T>
Var<T> clamp(const Var<T>& x, const Var<T>& low, const Var<T>& high) {
  return minimum(maximum(x, low, Ties::first), high, Ties::first);
}
template <class T>
Var<T> clamp(const Var<T>& x, double low, double high) {
  const auto number = [](double v) { return Var<T>(Array<T>::scalar(static_cast<T>(v))); };
  return clamp(x, number(low), number(high));
}
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
