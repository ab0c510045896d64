#pragma once

#include "autodiff/op.hpp"

/// Matrix products. All throw shape_error.
namespace xtangent {

struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};

/// op(a) op(b) over the last two axes; leading axes broadcast as in NumPy. Both ranks must be at least 2.
/// Cost: 2 M N K FLOP a product.
template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, MatmulOptions options = {});

/// x w^T + b: x (..., I), w (O, I), b (O) or undefined -> (..., O). Per-example gradients are outer products.
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& w, const Var<T>& b = {});

}  // namespace xtangent
