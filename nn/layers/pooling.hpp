#pragma once

#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/pooling.hpp"
#include "nn/module.hpp"

/// Pooling over images (..., C, H, W), and what follows it. Without parameters; PyTorch's names and options.
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

/// To (..., C, output): means over windows that cover the image.
struct AdaptiveAvgPool2d : Module<AdaptiveAvgPool2d> {
  explicit AdaptiveAvgPool2d(Extent2d o) : output(o) {}
  Extent2d output;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return adaptive_avg_pool2d(x, output);
  }
};

/// To (..., C): the mean of each channel.
struct GlobalAvgPool2d : Module<GlobalAvgPool2d> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return global_avg_pool2d(x);
  }
};

/// (N, ...) to (N, rest).
struct Flatten : Module<Flatten> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return flatten(x);
  }
};

}  // namespace xtangent::nn
