#pragma once

#include <cstddef>

namespace xtangent {

/// Examples [first, last).
struct Range {
  std::size_t first = 0, last = 0;
  std::size_t size() const { return last - first; }
};

}  // namespace xtangent
