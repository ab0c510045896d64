#pragma once

#include "autodiff/ops/arithmetic.hpp"

namespace xtangent {

/// Whether a rule may compute with the array of a tangent or cotangent alone: it is a constant whose examples are in
/// front. Where they were moved, the rule computes with Vars, which carry their place along.
template <class T>
bool is_plain(const Var<T>& t) {
  return t.is_constant() && !t.moved();
}

/// A helper of forward rules: the tangent `dy` of y, repeated to `shape`, which is that of y or has a probe axis in
/// front. The tangent of what all examples share, such as a bias, is none of the examples; repeated for each of them it
/// belongs to them as y does, and has the mark of y.
template <class T>
Var<T> broadcast_tangent(const Var<T>& y, const Var<T>& dy, const Shape& shape) {
  const bool of_examples = y.examples() == Examples::axis0 || y.moved();
  if (of_examples && dy.examples() == Examples::none && shape == y.shape()) return zeros_like(y) + dy;
  return broadcast_to(dy, shape);
}

}  // namespace xtangent
