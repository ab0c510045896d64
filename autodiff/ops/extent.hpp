#pragma once

#include <cstddef>

namespace xtangent {

/// Height and width of a window, a stride or a padding; one number stands for both.
struct Extent2d {
  std::size_t height, width;
  constexpr Extent2d(std::size_t both) : height(both), width(both) {}
  constexpr Extent2d(std::size_t h, std::size_t w) : height(h), width(w) {}
  friend constexpr bool operator==(const Extent2d&, const Extent2d&) = default;
};

/// Depth, height and width; one number stands for all three.
struct Extent3d {
  std::size_t depth, height, width;
  constexpr Extent3d(std::size_t all) : depth(all), height(all), width(all) {}
  constexpr Extent3d(std::size_t d, std::size_t h, std::size_t w) : depth(d), height(h), width(w) {}
  friend constexpr bool operator==(const Extent3d&, const Extent3d&) = default;
};

}  // namespace xtangent
