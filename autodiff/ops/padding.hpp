#pragma once

#include <vector>

#include "autodiff/op.hpp"

/// Padding: entries that are added at the ends of axes. Negative axes count from the right. All throw shape_error.
/// Cost: one pass over the result.
namespace xtangent {

/// What stands in the padding of an axis a b c d, for example of two entries in front: a number, its reflection (c b),
/// its first entry (a a), or its other end (c d).
enum class PadMode { constant, zeros = constant, reflect, replicate, circular };

struct PadOptions {
  PadMode mode = PadMode::constant;
  double value = 0.0;  ///< for padding with a constant
};

/// Adds entries before and behind along one axis. Reflections must be shorter than the axis, and other ends at most as
/// long.
template <class T>
Var<T> pad(const Var<T>& x, long axis, std::size_t before, std::size_t behind, PadOptions options = {});

/// PyTorch's pad: `sizes` has the entries before and behind the last axis, then those of the axis in front of it, and
/// so on: {left, right, top, bottom} for images.
template <class T>
Var<T> pad(const Var<T>& x, const std::vector<std::size_t>& sizes, PadOptions options = {});

}  // namespace xtangent
