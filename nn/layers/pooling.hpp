#pragma once

#include <utility>
#include <vector>

#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/padding.hpp"
#include "autodiff/ops/pooling.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/module.hpp"

/// Pooling over images (..., C, H, W), volumes (..., C, D, H, W) and signals (..., C, L), and layers that change
/// shapes. They have PyTorch's names and options, and no parameters.
namespace xtangent::nn {

struct MaxPool2d : Module<MaxPool2d> {
  explicit MaxPool2d(Extent2d k, PoolOptions o = {}) : kernel(k), options(o) {}
  Extent2d kernel;
  PoolOptions options;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return max_pool2d(x, kernel, options);
  }
};

struct AvgPool2d : Module<AvgPool2d> {
  explicit AvgPool2d(Extent2d k, PoolOptions o = {}) : kernel(k), options(o) {}
  Extent2d kernel;
  PoolOptions options;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return avg_pool2d(x, kernel, options);
  }
};

/// The means over windows that cover the image: (..., C, output.height, output.width).
struct AdaptiveAvgPool2d : Module<AdaptiveAvgPool2d> {
  explicit AdaptiveAvgPool2d(Extent2d o) : output(o) {}
  Extent2d output;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return adaptive_avg_pool2d(x, output);
  }
};

/// The mean of each channel: (..., C).
struct GlobalAvgPool2d : Module<GlobalAvgPool2d> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return global_avg_pool2d(x);
  }
};

struct AdaptiveMaxPool2d : Module<AdaptiveMaxPool2d> {
  explicit AdaptiveMaxPool2d(Extent2d o) : output(o) {}
  Extent2d output;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return adaptive_max_pool2d(x, output);
  }
};

/// The largest element of each channel: (..., C).
struct GlobalMaxPool2d : Module<GlobalMaxPool2d> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return global_max_pool(x, 2);
  }
};

struct MaxPool3d : Module<MaxPool3d> {
  explicit MaxPool3d(Extent3d k, Pool3dOptions o = {}) : kernel(k), options(o) {}
  Extent3d kernel;
  Pool3dOptions options;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return max_pool3d(x, kernel, options);
  }
};

struct AvgPool3d : Module<AvgPool3d> {
  explicit AvgPool3d(Extent3d k, Pool3dOptions o = {}) : kernel(k), options(o) {}
  Extent3d kernel;
  Pool3dOptions options;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return avg_pool3d(x, kernel, options);
  }
};

/// The means over windows that cover the volume: (..., C, output).
struct AdaptiveAvgPool3d : Module<AdaptiveAvgPool3d> {
  explicit AdaptiveAvgPool3d(Extent3d o) : output(o) {}
  Extent3d output;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return adaptive_avg_pool3d(x, output);
  }
};

struct AdaptiveMaxPool3d : Module<AdaptiveMaxPool3d> {
  explicit AdaptiveMaxPool3d(Extent3d o) : output(o) {}
  Extent3d output;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return adaptive_max_pool3d(x, output);
  }
};

/// The mean of each channel: (..., C, D, H, W) to (..., C).
struct GlobalAvgPool3d : Module<GlobalAvgPool3d> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    if (x.rank() < 4)
      throw shape_error("[GlobalAvgPool3d] got " + to_string(x.shape()) + ". Expected volumes (..., C, D, H, W).");
    return mean(x, {-3, -2, -1});
  }
};

/// The largest element of each channel: (..., C, D, H, W) to (..., C).
struct GlobalMaxPool3d : Module<GlobalMaxPool3d> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return global_max_pool(x, 3);
  }
};

struct Pool1dOptions {
  std::size_t stride = 0;  ///< 0: as large as the window
  std::size_t padding = 0;
  bool count_include_pad = true;
  std::size_t dilation = 1;  ///< for the windows of a maximum; averages have none
  bool ceil_mode = false;
};

/// Pools signals (..., C, L) as images of height 1.
template <class T, class Pool>
Var<T> pool_signals(const Var<T>& x, std::size_t kernel, const Pool1dOptions& o, Pool&& pool) {
  if (x.rank() < 2) throw shape_error("[pool1d] got " + to_string(x.shape()) + ". Expected signals (..., C, L).");
  const PoolOptions wide{.stride = {1, o.stride ? o.stride : kernel},
                         .padding = {0, o.padding},
                         .count_include_pad = o.count_include_pad,
                         .dilation = {1, o.dilation},
                         .ceil_mode = o.ceil_mode};
  return without_height(pool(with_height(x), Extent2d{1, kernel}, wide));
}

struct MaxPool1d : Module<MaxPool1d> {
  explicit MaxPool1d(std::size_t k, Pool1dOptions o = {}) : kernel(k), options(o) {}
  std::size_t kernel;
  Pool1dOptions options;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return pool_signals(x, kernel, options, [](const auto& v, auto k, auto o) { return max_pool2d(v, k, o); });
  }
};

struct AvgPool1d : Module<AvgPool1d> {
  explicit AvgPool1d(std::size_t k, Pool1dOptions o = {}) : kernel(k), options(o) {}
  std::size_t kernel;
  Pool1dOptions options;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return pool_signals(x, kernel, options, [](const auto& v, auto k, auto o) { return avg_pool2d(v, k, o); });
  }
};

/// The mean of each channel, (..., C, L) to (..., C).
struct GlobalAvgPool1d : Module<GlobalAvgPool1d> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return mean(x, {-1});
  }
};
struct GlobalMaxPool1d : Module<GlobalMaxPool1d> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return global_max_pool(x, 1);
  }
};

/// Adds entries at the ends of axes (pad): PyTorch's ZeroPad2d, ReflectionPad1d, ReplicationPad3d, CircularPad2d and
/// the others. `sizes` has two numbers for each axis, beginning with the last one.
struct Pad : Module<Pad> {
  explicit Pad(std::vector<std::size_t> s, PadOptions o = {}) : sizes(std::move(s)), options(o) {}
  std::vector<std::size_t> sizes;
  PadOptions options;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return pad(x, sizes, options);
  }
};

/// (N, ...) to (N, rest).
struct Flatten : Module<Flatten> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return flatten(x);
  }
};

/// Exchanges the last two axes: tokens (N, D, C) become signals (N, C, D), and signals tokens.
struct Transpose : Module<Transpose> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return transpose_last(x);
  }
};

/// Turns images (N, C, H, W) into tokens (N, H W, C), one for each pixel. Throws shape_error for another rank.
struct Tokens : Module<Tokens> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    if (x.rank() != 4) throw shape_error("[Tokens] got " + to_string(x.shape()) + ". Expected (N, C, H, W).");
    const Shape& s = x.shape();
    return transpose_last(reshape(x, {s[0], s[1], s[2] * s[3]}));
  }
};

/// The mean (N, C) of tokens (N, D, C).
struct MeanOfTokens : Module<MeanOfTokens> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return mean(x, {-2});
  }
};

}  // namespace xtangent::nn
