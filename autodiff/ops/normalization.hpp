#pragma once

#include "autodiff/op.hpp"

/// Normalizations within an example.
namespace xtangent {

/// (x - mean) / sqrt(variance + epsilon) over the last axes, which have the extents `normalized`; then times weight
/// plus bias, both of that shape, either of them undefined for none. The variance is the biased one, as PyTorch's.
/// Throws shape_error where shapes do not fit or `normalized` has no elements. Cost: about ten passes over x.
template <class T>
Var<T> layer_norm(const Var<T>& x, const Shape& normalized, const Var<T>& weight = {}, const Var<T>& bias = {},
                  double epsilon = 1e-5);

}  // namespace xtangent
