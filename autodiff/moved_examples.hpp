#pragma once

#include "autodiff/op.hpp"

/// How ops run on values whose examples do not stand on axis 0 (Var::moved).
namespace xtangent {

/// Runs an op on its arguments as they are, and records it. `moved` marks the node as one that moves examples away from
/// axis 0.
template <class T>
Var<T> apply_here(std::shared_ptr<const Op<T>> op, Vars<T> x, bool moved);

/// Runs an op on arguments some of whose examples do not stand on axis 0, or that moves them away from it: on the same
/// arguments with the examples in front. Sweeps that keep examples apart then meet ops on axis 0 alone. Nothing if the
/// op cannot follow the examples.
template <class T>
std::optional<Var<T>> apply_in_front(const std::shared_ptr<const Op<T>>& op, Vars<T> x);

/// The op of reshape, for values whose result is already there (ops/reshaping.cpp).
template <class T>
std::shared_ptr<const Op<T>> reshape_op(const Shape& shape);

}  // namespace xtangent
