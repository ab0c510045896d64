#include "autodiff/ops/resampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

std::vector<std::size_t> nearest_index(std::size_t in, std::size_t out, double scale) {
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < out; ++i) {
    const std::size_t at =
        scale > 0 ? static_cast<std::size_t>(std::floor(static_cast<double>(i) / scale)) : i * in / out;
    index.push_back(std::min(at, in - 1));
  }
  return index;
}

// (out, in): row i has the weights of the pixels between which output i lies.
template <class T>
Var<T> linear_weights(std::size_t in, std::size_t out, const InterpolateOptions& o) {
  Array<T> weights = Array<T>::zeros({out, in});
  T* w = weights.mutable_data();
  for (std::size_t i = 0; i < out; ++i) {
    const double place = static_cast<double>(i), inputs = static_cast<double>(in), outputs = static_cast<double>(out);
    double at = 0.0;
    if (!o.align_corners)
      at = std::max(0.0, (place + 0.5) * (o.scale > 0 ? 1.0 / o.scale : inputs / outputs) - 0.5);
    else if (out > 1)
      at = place * (inputs - 1) / (outputs - 1);
    const std::size_t first = std::min(static_cast<std::size_t>(at), in - 1), second = std::min(first + 1, in - 1);
    const double share = std::min(1.0, std::max(0.0, at - static_cast<double>(first)));
    w[i * in + first] += static_cast<T>(1.0 - share);
    w[i * in + second] += static_cast<T>(share);
  }
  return Var<T>(weights);
}

}  // namespace

template <class T>
Var<T> interpolate(const Var<T>& x, Extent2d size, InterpolateOptions options) {
  const FunctionName name("interpolate", x);
  if (x.rank() < 2 || x.shape().from_right(1) == 0 || x.shape().from_right(2) == 0 || size.height == 0 ||
      size.width == 0)
    throw shape_error("[interpolate] from " + to_string(x.shape()) + " to " +
                      to_string(Shape{size.height, size.width}) + ". Expected (..., H, W) and extents of at least 1.");
  const std::size_t height = x.shape().from_right(2), width = x.shape().from_right(1);
  if (options.mode == Interpolation::nearest) {
    const Var<T> rows = gather(x, -2, nearest_index(height, size.height, options.scale));
    return gather(rows, -1, nearest_index(width, size.width, options.scale));
  }
  const Var<T> columns = matmul(x, linear_weights<T>(width, size.width, options), {.transpose_b = true});
  return matmul(linear_weights<T>(height, size.height, options), columns);
}

template <class T>
Var<T> pixel_shuffle(const Var<T>& x, std::size_t factor) {
  const FunctionName name("pixel_shuffle", x);
  const std::size_t rank = x.rank();
  if (rank < 3 || factor == 0 || x.shape().from_right(3) % (factor * factor) != 0)
    throw shape_error("[pixel_shuffle] got " + to_string(x.shape()) + " with a factor of " + std::to_string(factor) +
                      ". Expected (..., C factor^2, H, W).");
  const Shape lead = x.shape().slice(0, rank - 3);
  const std::size_t channels = x.shape().from_right(3) / (factor * factor), h = x.shape().from_right(2),
                    w = x.shape().from_right(1);
  std::vector<std::size_t> order(rank + 2);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t c = rank - 3;  // C, factor, factor, H, W to C, H, factor, W, factor
  order[c + 1] = c + 3;
  order[c + 2] = c + 1;
  order[c + 3] = c + 4;
  order[c + 4] = c + 2;
  const Var<T> squares = transpose(reshape(x, lead.joined({channels, factor, factor, h, w})), order);
  return reshape(squares, lead.joined({channels, h * factor, w * factor}));
}

#define XTANGENT_INSTANTIATE(T)                                             \
  template Var<T> interpolate(const Var<T>&, Extent2d, InterpolateOptions); \
  template Var<T> pixel_shuffle(const Var<T>&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
