#pragma once

#include "autodiff/op.hpp"

/// Matrix products. All throw shape_error.
namespace xtangent {

struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};

/// op(a) op(b) over the last two axes; leading axes broadcast as in NumPy. Both ranks must be at least 2. Cost: 2 m n k
/// FLOP for the product of an (m, k) and a (k, n) matrix.
template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, MatmulOptions options = {});

/// x w^T + b: x (..., I), w (C, I), b (C) or undefined -> (..., C). Per-example gradients are outer products. Cost: 2 I
/// C FLOP for each row of x.
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& w, const Var<T>& b = {});

}  // namespace xtangent
