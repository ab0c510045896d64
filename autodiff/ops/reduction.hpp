#pragma once

#include <vector>

#include "autodiff/op.hpp"

/// Reductions. Negative axes count from the right; an empty list stands for all axes. `keepdims` leaves a reduced axis
/// in place with extent 1. Reducing axis 0 of a batched value mixes examples; other axes keep them apart. All throw
/// shape_error for an axis that is out of range or named twice. Cost: one or two passes over x.
namespace xtangent {

/// The sum over no elements is 0.
template <class T>
Var<T> sum(const Var<T>& x, const std::vector<long>& axes = {}, bool keepdims = false);
/// Throws shape_error where there is nothing to average.
template <class T>
Var<T> mean(const Var<T>& x, const std::vector<long>& axes = {}, bool keepdims = false);

/// Entry i is the sum of entries 0 to i of the axis, in double, or of i and all behind it with `reverse`. In the shape
/// of x.
template <class T>
Var<T> cumsum(const Var<T>& x, long axis, bool reverse = false);

/// Maximum over one axis. The derivative goes to the first of equal elements, as of PyTorch's max(dim); a NaN wins over
/// any number. Throws shape_error for an axis of extent 0.
template <class T>
Var<T> max(const Var<T>& x, long axis, bool keepdims = false);
template <class T>
Var<T> min(const Var<T>& x, long axis, bool keepdims = false);

/// PyTorch's amax and amin: over several axes, all for an empty list, and equal largest elements share the derivative.
/// A NaN wins over any number. Throws shape_error where there are no elements.
template <class T>
Var<T> amax(const Var<T>& x, const std::vector<long>& axes = {}, bool keepdims = false);
template <class T>
Var<T> amin(const Var<T>& x, const std::vector<long>& axes = {}, bool keepdims = false);

struct NormOptions {
  double p = 2.0;  ///< infinity: the largest |x|; 0: the number of elements that are not 0
  bool keepdims = false;
};
/// The p-norm (sum |x|^p)^(1 / p), PyTorch's vector_norm. As there, elements that are 0 get the derivative 0, and equal
/// largest elements share theirs. Throws shape_error for p < 0 or NaN, and for p = infinity where there are no
/// elements.
template <class T>
Var<T> norm(const Var<T>& x, const std::vector<long>& axes = {}, NormOptions options = {});

struct VarianceOptions {
  bool unbiased = false;  ///< divide by n - 1 instead of n
  bool keepdims = false;
};
/// Mean squared distance from the mean. Throws shape_error for n = 0, and n = 1 when unbiased.
template <class T>
Var<T> variance(const Var<T>& x, const std::vector<long>& axes = {}, VarianceOptions options = {});

/// log(sum(exp(x))) over one axis; finite for any finite x. Throws shape_error for an axis of extent 0.
template <class T>
Var<T> logsumexp(const Var<T>& x, long axis = -1, bool keepdims = false);
/// exp(x) / sum(exp(x)) over one axis, in the shape of x. Throws shape_error for an axis of extent 0.
template <class T>
Var<T> softmax(const Var<T>& x, long axis = -1);
/// log(softmax(x)) without cancellation.
template <class T>
Var<T> log_softmax(const Var<T>& x, long axis = -1);

}  // namespace xtangent
