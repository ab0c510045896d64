// Convolutions, pooling, padding and resampling. All keep the axes in front of the channels.
#include <algorithm>
#include <numeric>

#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/padding.hpp"
#include "autodiff/ops/pooling.hpp"
#include "autodiff/ops/resampling.hpp"
#include "autodiff/ops/transposed_convolution.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

// f of x with the graph's axis of the batch merged with that of the examples where it has one entry: (N, C, ...).
template <class T, class F>
Tensor<T> on_images(const Tensor<T>& x, std::size_t axes, const F& f) {
  const Shape shape = x.shape();
  const bool merged = x.per_example() && shape.rank() == axes + 1 && shape.front() == 1;
  const Var<T> y =
      f(merged ? reshape(x.value, shape.slice(1, shape.rank()).prepended(x.value.shape().front())) : x.value);
  if (!merged) return {y, x.kind};
  return {reshape(y, y.shape().slice(1, y.rank()).prepended(1).prepended(y.shape().front())), x.kind};
}

template <class T>
PadMode pad_mode(const Call<T>& c) {
  const std::string mode = c.text("mode", "constant");
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "replicate") return PadMode::replicate;
  if (mode == "circular") return PadMode::circular;
  if (mode != "constant") c.refuse("in the mode " + mode);
  return PadMode::constant;
}

template <class T>
Tensor<T> padded(const Call<T>& c) {
  Tensor<T> x = c.tensor("self");
  const std::vector<std::int64_t> widths = c.integers("pad");
  const PadOptions options{pad_mode(c), c.number("value", 0)};
  for (std::size_t i = 0; i + 1 < widths.size(); i += 2) {
    const std::size_t axis = graph_axis(x, -1 - static_cast<std::int64_t>(i / 2));
    const auto extent = static_cast<std::int64_t>(x.shape()[axis]);
    const std::int64_t before = widths[i], behind = widths[i + 1];
    if (before < -extent || behind < -extent || before + behind < -extent) c.refuse("that leaves nothing of an axis");
    x = taken(x, {axis, std::max<std::int64_t>(-before, 0), extent + std::min<std::int64_t>(behind, 0)});
    const auto more = [](std::int64_t width) { return static_cast<std::size_t>(std::max<std::int64_t>(width, 0)); };
    if (more(before) + more(behind) > 0)
      x.value = pad(x.value, static_cast<long>(axis + x.front()), more(before), more(behind), options);
  }
  return x;
}

Extent2d square(const std::vector<std::size_t>& v) { return {v[0], v[1]}; }
Extent3d cube(const std::vector<std::size_t>& v) { return {v[0], v[1], v[2]}; }

struct Window {
  std::vector<std::size_t> kernel, stride, padding, dilation;
};

template <class T>
Tensor<T> convolved(const Call<T>& c, std::size_t dimensions) {
  const Tensor<T> x = c.tensor("input"), w = c.tensor("weight");
  if (w.per_example()) c.refuse("with a weight that depends on the examples");
  Window window{{},
                c.extents("stride", dimensions, {1}),
                std::vector<std::size_t>(dimensions, 0),
                c.extents("dilation", dimensions, {1})};
  const Value<T>* padding = c.find("padding");
  if (padding && std::holds_alternative<std::string>(padding->what)) {
    if (c.text("padding", "") == "same") window.padding.assign(dimensions, same_padding);
  } else {
    window.padding = c.extents("padding", dimensions, {0});
  }
  const auto groups = static_cast<std::size_t>(c.integer("groups", 1));
  const Var<T> b = c.var_or_none("bias");
  return on_images(x, dimensions + 1, [&](const Var<T>& v) {
    if (dimensions == 1)
      return conv1d(v, w.value, b, {window.stride[0], window.padding[0], window.dilation[0], groups});
    if (dimensions == 3)
      return conv3d(v, w.value, b, {cube(window.stride), cube(window.padding), cube(window.dilation), groups});
    return conv2d(v, w.value, b, {square(window.stride), square(window.padding), square(window.dilation), groups});
  });
}

template <class T>
Tensor<T> convolved_transposed(const Call<T>& c, std::size_t dimensions) {
  const Tensor<T> w = c.tensor("weight");
  const auto stride = c.extents("stride", dimensions, {1}), padding = c.extents("padding", dimensions, {0}),
             more = c.extents("output_padding", dimensions, {0}), dilation = c.extents("dilation", dimensions, {1});
  const auto groups = static_cast<std::size_t>(c.integer("groups", 1));
  const Var<T> b = c.var_or_none("bias");
  return on_images(c.tensor("input"), dimensions + 1, [&](const Var<T>& v) {
    if (dimensions == 1) return conv_transpose1d(v, w.value, b, {stride[0], padding[0], more[0], dilation[0], groups});
    return conv_transpose2d(v, w.value, b,
                            {.stride = {stride[0], stride[1]},
                             .padding = {padding[0], padding[1]},
                             .output_padding = {more[0], more[1]},
                             .dilation = {dilation[0], dilation[1]},
                             .groups = groups});
  });
}

template <class T>
Tensor<T> pooled(const Call<T>& c, std::size_t dimensions, bool largest) {
  if (c.has("divisor_override")) c.refuse("with divisor_override");
  const bool own_stride = c.has("stride") && !c.integers("stride").empty();
  const auto kernel = c.extents("kernel_size", dimensions, {});
  Window window{kernel, own_stride ? c.extents("stride", dimensions, {}) : kernel,
                c.extents("padding", dimensions, {0}), c.extents("dilation", dimensions, {1})};
  const bool counts = c.boolean("count_include_pad", true), ceils = c.boolean("ceil_mode", false);
  return on_images(c.tensor(c.has("self") ? "self" : "input"), dimensions + 1, [&](const Var<T>& v) {
    if (dimensions == 3) {
      const Pool3dOptions options{.stride = cube(window.stride),
                                  .padding = cube(window.padding),
                                  .count_include_pad = counts,
                                  .dilation = cube(window.dilation),
                                  .ceil_mode = ceils};
      return largest ? max_pool3d(v, cube(kernel), options) : avg_pool3d(v, cube(kernel), options);
    }
    const auto both = [&](const std::vector<std::size_t>& w, std::size_t height) {
      return dimensions == 1 ? Extent2d{height, w[0]} : square(w);
    };
    const PoolOptions options{.stride = both(window.stride, 1),
                              .padding = both(window.padding, 0),
                              .count_include_pad = counts,
                              .dilation = both(window.dilation, 1),
                              .ceil_mode = ceils};
    const Var<T> x = dimensions == 1 ? with_height(v) : v;
    const Var<T> y = largest ? max_pool2d(x, both(kernel, 1), options) : avg_pool2d(x, both(kernel, 1), options);
    return dimensions == 1 ? without_height(y) : y;
  });
}

template <class T>
Tensor<T> pooled_adaptively(const Call<T>& c, std::size_t dimensions, bool largest) {
  const auto size = c.extents("output_size", dimensions, {});
  return on_images(c.tensor("self"), dimensions + 1, [&](const Var<T>& v) {
    if (dimensions == 3) return largest ? adaptive_max_pool3d(v, cube(size)) : adaptive_avg_pool3d(v, cube(size));
    const Extent2d output = dimensions == 1 ? Extent2d{1, size[0]} : square(size);
    const Var<T> x = dimensions == 1 ? with_height(v) : v;
    const Var<T> y = largest ? adaptive_max_pool2d(x, output) : adaptive_avg_pool2d(x, output);
    return dimensions == 1 ? without_height(y) : y;
  });
}

template <class T>
Tensor<T> resampled(const Call<T>& c, std::size_t dimensions, Interpolation mode) {
  const Tensor<T> x = c.tensor(c.has("input") ? "input" : "self");
  std::vector<double> scales;
  if (c.has("scale_factors")) scales = c.numbers("scale_factors");
  if (scales.empty() && c.has("scales_h")) scales = {c.number("scales_h", 0), c.number("scales_w", 0)};
  if (scales.empty() && c.has("scales")) scales = {c.number("scales", 0)};
  if (!c.has("output_size") && scales.size() != dimensions) c.refuse("without a size");
  std::vector<std::size_t> size;
  if (c.has("output_size"))
    size = c.extents("output_size", dimensions, {});
  else
    for (std::size_t i = 0; i < dimensions; ++i)
      size.push_back(static_cast<std::size_t>(static_cast<double>(x.shape().from_right(dimensions - i)) * scales[i]));
  if (scales.size() == 2 && scales[0] != scales[1]) c.refuse("with two scale factors");
  const InterpolateOptions options{mode, c.boolean("align_corners", false), scales.empty() ? 0.0 : scales[0]};
  return on_images(x, dimensions + 1, [&](const Var<T>& v) {
    if (dimensions == 1) return without_height(interpolate(with_height(v), {1, size[0]}, options));
    return interpolate(v, {size[0], size[1]}, options);
  });
}

}  // namespace

void add_convolutions(Table& table) {
  add(table, {"conv1d"}, [](const auto& c) { return convolved(c, 1); });
  add(table, {"conv2d"}, [](const auto& c) { return convolved(c, 2); });
  add(table, {"conv3d"}, [](const auto& c) { return convolved(c, 3); });
  add(table, {"conv_transpose1d"}, [](const auto& c) { return convolved_transposed(c, 1); });
  add(table, {"conv_transpose2d"}, [](const auto& c) { return convolved_transposed(c, 2); });
  add(table, {"convolution"}, [](const auto& c) {
    const std::size_t dimensions = c.tensor("weight").rank() - 2;
    const bool transposed = c.boolean("transposed", false);
    if (dimensions < 1 || dimensions > (transposed ? 2u : 3u))
      c.refuse("in " + std::to_string(dimensions) + " dimensions");
    return transposed ? convolved_transposed(c, dimensions) : convolved(c, dimensions);
  });
  add(table, {"max_pool1d"}, [](const auto& c) { return pooled(c, 1, true); });
  add(table, {"max_pool2d"}, [](const auto& c) { return pooled(c, 2, true); });
  add(table, {"max_pool3d"}, [](const auto& c) { return pooled(c, 3, true); });
  for (const std::size_t dimensions : {2, 3})  // in decomposed programs, without the places
    add(table, {dimensions == 2 ? "max_pool2d_with_indices" : "max_pool3d_with_indices"}, [dimensions](const auto& c) {
      using T = element_of<decltype(c)>;
      return Values<T>{pooled(c, dimensions, true), Value<T>()};
    });
  add(table, {"avg_pool1d"}, [](const auto& c) { return pooled(c, 1, false); });
  add(table, {"avg_pool2d"}, [](const auto& c) { return pooled(c, 2, false); });
  add(table, {"avg_pool3d"}, [](const auto& c) { return pooled(c, 3, false); });
  add(table, {"adaptive_avg_pool1d"}, [](const auto& c) { return pooled_adaptively(c, 1, false); });
  add(table, {"adaptive_avg_pool2d"}, [](const auto& c) { return pooled_adaptively(c, 2, false); });
  add(table, {"adaptive_avg_pool3d"}, [](const auto& c) { return pooled_adaptively(c, 3, false); });
  add(table, {"adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"}, [](const auto& c) {
    const auto dimensions = static_cast<std::size_t>(c.node().op.at(c.node().op.find("pool") + 4) - '0');
    using T = element_of<decltype(c)>;
    return Values<T>{pooled_adaptively(c, dimensions, true), Value<T>()};  // without the places
  });
  add(table, {"pad", "constant_pad_nd"}, [](const auto& c) { return padded(c); });
  add(table, {"upsample_nearest1d"}, [](const auto& c) { return resampled(c, 1, Interpolation::nearest); });
  add(table, {"upsample_nearest2d"}, [](const auto& c) { return resampled(c, 2, Interpolation::nearest); });
  add(table, {"upsample_linear1d"}, [](const auto& c) { return resampled(c, 1, Interpolation::bilinear); });
  add(table, {"upsample_bilinear2d"}, [](const auto& c) { return resampled(c, 2, Interpolation::bilinear); });
  add(table, {"pixel_shuffle"}, [](const auto& c) {
    auto x = c.tensor("self");
    x.value = pixel_shuffle(x.value, static_cast<std::size_t>(c.integer("upscale_factor")));
    return x;
  });
}

}  // namespace xtangent::nn::exported
