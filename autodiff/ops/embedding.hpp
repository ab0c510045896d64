#pragma once

#include "autodiff/op.hpp"

namespace xtangent {

/// Looks up rows of a table: indices (...) and weight (V, E) give (..., E). The indices are whole numbers held as T
/// (float holds them exactly below 2^24); no derivative passes through them. The gradient of an example is sparse, see
/// FactorKind::gather. Throws shape_error, and data_error naming the place and the value of an index that is not one of
/// 0 ... V - 1. Cost: one pass over the result.
template <class T>
Var<T> embedding(const Var<T>& indices, const Var<T>& weight);

}  // namespace xtangent
