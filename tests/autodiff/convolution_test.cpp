#include "autodiff/ops/convolution.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples none = Examples::none, axis0 = Examples::axis0;

struct Setting {
  const char* name;
  Shape lead;  // axes in front of the image; the first one runs over examples
  std::size_t channels, height, width, out, kernel_height, kernel_width;
  Conv2dOptions options = {};
};

const std::vector<Setting> settings = {
    {"plain", {3}, 2, 4, 5, 3, 2, 3},
    {"one by one", {3}, 3, 2, 3, 2, 1, 1},
    {"one channel", {3}, 1, 3, 3, 1, 2, 2},
    {"padding", {3}, 2, 3, 3, 2, 3, 3, {.padding = {1, 1}}},
    {"padding as wide as the kernel", {3}, 1, 2, 2, 2, 2, 2, {.padding = {2, 1}}},
    {"stride", {3}, 2, 5, 6, 2, 2, 2, {.stride = {2, 3}}},
    {"stride that leaves a rest", {3}, 1, 6, 6, 2, 3, 2, {.stride = {2, 3}}},
    {"dilation", {3}, 2, 5, 5, 2, 2, 2, {.dilation = {2, 3}}},
    {"stride, padding and dilation", {3}, 2, 5, 4, 2, 2, 3, {.stride = {2, 1}, .padding = {1, 2}, .dilation = {2, 1}}},
    {"groups", {3}, 4, 3, 3, 6, 2, 2, {.groups = 2}},
    {"depthwise", {3}, 3, 3, 3, 3, 2, 2, {.padding = {1, 1}, .groups = 3}},
    {"groups and stride", {3}, 4, 4, 4, 2, 2, 2, {.stride = {2, 2}, .groups = 2}},
    {"kernel as large as the image", {3}, 2, 3, 2, 2, 3, 2},
    {"an image", {}, 2, 3, 4, 2, 2, 2},
    {"two axes in front", {3, 2}, 2, 3, 3, 2, 2, 2},
};

// The sum of the definition, term by term.
Array<double> plain_conv2d(const Arrays& v, const Conv2dOptions& o) {
  const Shape &x = v[0].shape(), &w = v[1].shape();
  const std::size_t c_in = x.from_right(3), h = x.from_right(2), wd = x.from_right(1);
  const std::size_t oh = (h + 2 * o.padding.height - o.dilation.height * (w[2] - 1) - 1) / o.stride.height + 1;
  const std::size_t ow = (wd + 2 * o.padding.width - o.dilation.width * (w[3] - 1) - 1) / o.stride.width + 1;
  const Shape lead = x.slice(0, x.rank() - 3);
  const std::size_t per_group_out = w[0] / o.groups;
  Array<double> y(lead.joined({w[0], oh, ow}));
  double* out = y.mutable_data();
  for (std::size_t n = 0; n < lead.size(); ++n)
    for (std::size_t c = 0; c < w[0]; ++c)
      for (std::size_t i = 0; i < oh; ++i)
        for (std::size_t j = 0; j < ow; ++j) {
          double sum = v.size() == 3 ? v[2][c] : 0.0;
          for (std::size_t q = 0; q < w[1]; ++q)
            for (std::size_t a = 0; a < w[2]; ++a)
              for (std::size_t b = 0; b < w[3]; ++b) {
                const std::size_t r = i * o.stride.height + a * o.dilation.height,
                                  s = j * o.stride.width + b * o.dilation.width;
                if (r < o.padding.height || s < o.padding.width || r - o.padding.height >= h ||
                    s - o.padding.width >= wd)
                  continue;
                const std::size_t channel = c / per_group_out * w[1] + q;
                sum += v[0][((n * c_in + channel) * h + r - o.padding.height) * wd + s - o.padding.width] *
                       v[1][((c * w[1] + q) * w[2] + a) * w[3] + b];
              }
          *out++ = sum;
        }
  return y;
}

Input images(const Setting& s) {
  return {s.lead.joined({s.channels, s.height, s.width}), s.lead.rank() ? axis0 : none};
}
Input weight(const Setting& s) { return {{s.out, s.channels / s.options.groups, s.kernel_height, s.kernel_width}}; }
Input outputs(const Setting& s) {
  const Arrays zeros = {Array<double>::zeros(images(s).shape), Array<double>::zeros(weight(s).shape)};
  return {plain_conv2d(zeros, s.options).shape(), images(s).examples};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution)

BOOST_AUTO_TEST_CASE(conv2d_rows) {
  for (const Setting& s : settings)
    for (const bool bias : {false, true}) {
      std::vector<Input> inputs = {images(s), weight(s)};
      if (bias) inputs.push_back({{s.out}});
      const Conv2dOptions o = s.options;
      expect_op(row(std::string("conv2d ") + s.name + (bias ? " with bias" : ""),
                    [o](auto v) { return v.size() == 3 ? conv2d(v[0], v[1], v[2], o) : conv2d(v[0], v[1], {}, o); },
                    inputs, {.reference = [o](const Arrays& v) { return plain_conv2d(v, o); }}));
    }
}

BOOST_AUTO_TEST_CASE(conv1d_rows) {
  const auto tall = [](const Shape& s) { return s.slice(0, s.rank() - 1).joined({1, s.back()}); };
  for (const Conv1dOptions& o : {Conv1dOptions{}, Conv1dOptions{.stride = 2, .padding = 1},
                                 Conv1dOptions{.padding = 2, .dilation = 2, .groups = 2}})
    for (const bool bias : {false, true}) {
      std::vector<Input> inputs = {{{3, 4, 7}, axis0}, {{6, 4 / o.groups, 3}}};
      if (bias) inputs.push_back({{6}});
      const Conv2dOptions wide = {
          .stride = {1, o.stride}, .padding = {0, o.padding}, .dilation = {1, o.dilation}, .groups = o.groups};
      expect_op(row("conv1d, stride " + std::to_string(o.stride) + (bias ? " with bias" : ""),
                    [o](auto v) { return v.size() == 3 ? conv1d(v[0], v[1], v[2], o) : conv1d(v[0], v[1], {}, o); },
                    inputs,
                    {.wrong = {{{7}, {6, 4, 3}},
                               {{3, 4, 7}, {6, 4, 1, 3}},
                               {{3, 3, 7}, {6, 4 / o.groups, 3}},
                               {{3, 4, 0}, {6, 4 / o.groups, 9}},
                               {{3, 4, 7}, {6, 4 / o.groups, 3}, {5}}},
                     .reference = [=](const Arrays& v) {
                       Arrays images = v;
                       for (std::size_t i = 0; i < 2; ++i) images[i] = v[i].reshaped(tall(v[i].shape()));
                       const Array<double> y = plain_conv2d(images, wide);
                       return y.reshaped({y.shape()[0], y.shape()[1], y.shape()[3]});
                     }}));
    }
}

BOOST_AUTO_TEST_CASE(transposes_rows) {
  for (const Setting& s : settings) {
    const Conv2dOptions o = s.options;
    const std::size_t axes = s.lead.rank();
    expect_op(row(std::string("conv2d_input ") + s.name,
                  [s, o](auto v) { return conv2d_input(v[0], v[1], s.height, s.width, o); }, {outputs(s), weight(s)}));
    RowOptions options;
    options.mixes = axes > 0;
    expect_op(row(
        std::string("conv2d_weight ") + s.name,
        [s, o, axes](auto v) { return conv2d_weight(v[0], v[1], axes, s.kernel_height, s.kernel_width, o); },
        {images(s), outputs(s)}, options));
  }
}

BOOST_AUTO_TEST_CASE(wrong_arguments) {
  const auto conv = [](Conv2dOptions o) {
    return row("conv2d",
               [o](auto v) { return v.size() == 3 ? conv2d(v[0], v[1], v[2], o) : conv2d(v[0], v[1], {}, o); },
               {{{2, 4, 4, 4}}, {{4, 4 / o.groups, 2, 2}}},
               {.wrong = {{{4, 4}, {4, 4, 2, 2}},
                          {{2, 4, 4, 4}, {4, 4, 2}},
                          {{2, 3, 4, 4}, {4, 4, 2, 2}},
                          {{2, 4, 1, 4}, {4, 4, 2, 2}},
                          {{2, 4, 4, 1}, {4, 4, 2, 2}},
                          {{2, 4, 4, 4}, {4, 4, 0, 2}},
                          {{2, 4, 4, 4}, {4, 4 / o.groups, 2, 2}, {3}},
                          {{2, 4, 4, 4}, {3, 4 / o.groups, 2, 2}, {4}}}});
  };
  expect_op(conv({}));
  expect_op(conv({.groups = 2}));
  const Var<double> x(Array<double>::ones({1, 2, 3, 3})), w(Array<double>::ones({2, 2, 2, 2}));
  for (const Conv2dOptions& o :
       {Conv2dOptions{.stride = {0, 1}}, Conv2dOptions{.stride = {1, 0}}, Conv2dOptions{.dilation = {0, 1}},
        Conv2dOptions{.dilation = {1, 0}}, Conv2dOptions{.dilation = {3, 1}}, Conv2dOptions{.groups = 0},
        Conv2dOptions{.groups = 3}})
    BOOST_CHECK_THROW(conv2d(x, w, {}, o), shape_error);
  BOOST_CHECK_THROW(conv2d_input(x, w, 3, 3), shape_error);
  BOOST_CHECK_THROW(conv2d_weight(x, x, 1, 2, 2), shape_error);
  BOOST_CHECK_THROW(conv2d_weight(x, x, 2, 2, 2), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
