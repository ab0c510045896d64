#pragma once

#include <optional>

#include "autodiff/op.hpp"

namespace xtangent {

/// The number by which an op multiplies its only argument, if it does nothing else: what affine(x, a, 0) records.
template <class T>
std::optional<double> scale_of(const Op<T>& op);

}  // namespace xtangent
