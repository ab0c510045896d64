#pragma once

#include <cmath>
#include <optional>

#include "autodiff/ops/resampling.hpp"
#include "nn/module.hpp"

namespace xtangent::nn {

struct UpsampleOptions {
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;  ///< for bilinear
};

/// PyTorch's nn.Upsample for images (..., C, H, W): to floor(H scale) rows and floor(W scale) columns, or, as
/// Upsample::to({rows, columns}), to a size that is given. Throws option_error for a scale that is not positive and for
/// a size of 0.
struct Upsample : Module<Upsample> {
  explicit Upsample(double scale_factor_, UpsampleOptions o = {}) : scale_factor(scale_factor_), options(o) {
    if (!(scale_factor > 0.0) || !std::isfinite(scale_factor))
      throw option_error("[Upsample] a scale factor of " + std::to_string(scale_factor) + ". It must be positive.");
  }
  static Upsample to(Extent2d size, UpsampleOptions o = {}) {
    if (size.height == 0 || size.width == 0)
      throw option_error("[Upsample] a size of " + std::to_string(size.height) + " rows and " +
                         std::to_string(size.width) + " columns. Both must be at least 1.");
    Upsample out(1.0, o);
    out.size = size;
    return out;
  }
  double scale_factor;
  UpsampleOptions options;
  std::optional<Extent2d> size = {};  ///< in place of the scale factor
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    if (x.rank() < 3) throw shape_error("[Upsample] got " + to_string(x.shape()) + ". Expected (..., C, H, W).");
    if (size) return interpolate(x, *size, {.mode = options.mode, .align_corners = options.align_corners});
    const auto scaled = [&](std::size_t extent) {
      return static_cast<std::size_t>(std::floor(static_cast<double>(extent) * scale_factor));
    };
    return interpolate(x, {scaled(x.shape().from_right(2)), scaled(x.shape().from_right(1))},
                       {.mode = options.mode, .align_corners = options.align_corners, .scale = scale_factor});
  }
};

/// PyTorch's nn.PixelShuffle: (..., C factor^2, H, W) to (..., C, H factor, W factor).
struct PixelShuffle : Module<PixelShuffle> {
  explicit PixelShuffle(std::size_t upscale_factor) : factor(upscale_factor) {}
  std::size_t factor;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return pixel_shuffle(x, factor);
  }
};

}  // namespace xtangent::nn
