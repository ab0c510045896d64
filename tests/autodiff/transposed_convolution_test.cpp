// Transposed convolutions, and images in other sizes.
#include "autodiff/ops/transposed_convolution.hpp"

#include <boost/test/unit_test.hpp>

#include "autodiff/factor.hpp"
#include "autodiff/ops/resampling.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples axis0 = Examples::axis0;

// The definition: each input element adds its multiple of the kernel to the result.
Array<double> spread(const Array<double>& x, const Array<double>& w, const Array<double>* b,
                     const ConvTranspose2dOptions& o) {
  const Shape& in = x.shape();
  const std::size_t n = in.slice(0, in.rank() - 3).size(), ci = in.from_right(3), h = in.from_right(2),
                    v = in.from_right(1), each = w.shape()[1], kh = w.shape()[2], kw = w.shape()[3];
  const std::size_t oh =
      (h - 1) * o.stride.height + o.dilation.height * (kh - 1) + o.output_padding.height + 1 - 2 * o.padding.height;
  const std::size_t ow =
      (v - 1) * o.stride.width + o.dilation.width * (kw - 1) + o.output_padding.width + 1 - 2 * o.padding.width;
  const std::size_t co = each * o.groups;
  Array<double> y = Array<double>::zeros(in.slice(0, in.rank() - 3).joined({co, oh, ow}));
  for (std::size_t e = 0; e < n; ++e)
    for (std::size_t c = 0; c < ci; ++c)
      for (std::size_t i = 0; i < h * v; ++i)
        for (std::size_t k = 0; k < each * kh * kw; ++k) {
          const std::size_t channel = c / (ci / o.groups) * each + k / (kh * kw);
          const std::size_t row = i / v * o.stride.height + k / kw % kh * o.dilation.height;
          const std::size_t column = i % v * o.stride.width + k % kw * o.dilation.width;
          if (row < o.padding.height || row - o.padding.height >= oh || column < o.padding.width ||
              column - o.padding.width >= ow)
            continue;
          y.mutable_data()[((e * co + channel) * oh + row - o.padding.height) * ow + column - o.padding.width] +=
              x[(e * ci + c) * h * v + i] * w[c * each * kh * kw + k];
        }
  for (std::size_t i = 0; b && i < y.size(); ++i) y.mutable_data()[i] += (*b)[i / (oh * ow) % co];
  return y;
}

OpRow transposed_row(std::vector<Input> x, ConvTranspose2dOptions o, std::vector<std::vector<Shape>> wrong = {}) {
  return row("conv_transpose2d " + to_string(x[0].shape) + " " + to_string(x[1].shape),
             [o](auto v) {
               return conv_transpose2d(v[0], v[1], v.size() > 2 ? v[2] : std::remove_cvref_t<decltype(v[0])>(), o);
             },
             x, {.wrong = std::move(wrong), .reference = [o](const Arrays& v) {
                   return spread(v[0], v[1], v.size() > 2 ? &v[2] : nullptr, o);
                 }});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(transposed_convolution)

BOOST_AUTO_TEST_CASE(two_dimensions) {
  expect_ops({
      transposed_row(
          {{{2, 2, 3, 2}, axis0}, {{2, 3, 2, 2}}, {{3}}}, {},
          {{{2, 2, 3, 2}, {3, 3, 2, 2}, {3}}, {{2, 2, 3, 2}, {2, 3, 2, 2}, {4}}, {{3, 2}, {2, 3, 2, 2}, {3}}}),
      transposed_row({{{2, 2, 3, 2}, axis0}, {{2, 2, 3, 3}}, {{2}}},
                     {.stride = 2, .padding = 1, .output_padding = {1, 0}}),
      transposed_row({{{2, 2, 2, 3}, axis0}, {{2, 2, 2, 3}}}, {.stride = {1, 3}, .dilation = {2, 1}}),
      transposed_row({{{2, 4, 2, 2}, axis0}, {{4, 1, 2, 2}}, {{2}}}, {.stride = 2, .groups = 2}),
      transposed_row({{{2, 2, 2, 2}}, {{2, 1, 1, 2}}}, {}),
      transposed_row({{{2, 3, 1, 1}, axis0}, {{3, 2, 2, 2}}, {{2}}}, {}),
  });
}

BOOST_AUTO_TEST_CASE(one_dimension) {
  const ConvTranspose1dOptions o{.stride = 2, .padding = 1, .output_padding = 1};
  expect_op(row("conv_transpose1d", [o](auto x) { return conv_transpose1d(x[0], x[1], x[2], o); },
                {{{3, 2, 4}, axis0}, {{2, 3, 3}}, {{3}}},
                {.wrong = {{{3, 2, 4}, {3, 3, 3}, {3}}, {{4}, {2, 3, 3}, {3}}}, .reference = [](const Arrays& x) {
                   const Array<double> y =
                       spread(x[0].reshaped({x[0].shape()[0], 2, 1, 4}), x[1].reshaped({2, 3, 1, 3}), &x[2],
                              {.stride = {1, 2}, .padding = {0, 1}, .output_padding = {0, 1}});
                   return y.reshaped({x[0].shape()[0], 3, y.shape().back()});
                 }}));
}

BOOST_AUTO_TEST_CASE(factors_are_sums_of_outer_products) {
  Tape<double> tape;
  const Var<double> w = tape.variable(Array<double>::ones({2, 3, 2, 2})), b = tape.variable(Array<double>::ones({3}));
  const Var<double> y = conv_transpose2d(batched(Array<double>::ones({4, 2, 3, 3})), w, b);
  FactorSweep<double> sweep(y, Array<double>::ones(y.shape()), {w, b});
  std::vector<std::string> kinds;
  while (const auto use = sweep.next()) kinds.emplace_back(name(use->factor.kind));
  BOOST_TEST(kinds == (std::vector<std::string>{"bias", "outer_sum"}));
}

BOOST_AUTO_TEST_CASE(impossible_extents) {
  const Var<double> x(Array<double>::ones({1, 2, 2, 2})), w(Array<double>::ones({2, 1, 2, 2}));
  const auto message = [&](ConvTranspose2dOptions o) {
    return message_of<shape_error>([&] { conv_transpose2d(x, w, {}, o); });
  };
  BOOST_TEST(has(message({.output_padding = {0, 1}}), "[conv_transpose2d] width: an output padding of 1"));
  BOOST_TEST(has(message({.padding = {2, 0}}), "[conv_transpose2d] height: a padding of 2 leaves nothing of the 3"));
  BOOST_TEST(has(message({.stride = 0}), "at least 1"));
}

BOOST_AUTO_TEST_CASE(other_sizes) {
  const auto f = [](Extent2d size, InterpolateOptions o) { return [=](auto x) { return interpolate(x[0], size, o); }; };
  const std::vector<Input> images = {{{3, 2, 3, 2}, axis0}};
  constexpr Interpolation bilinear = Interpolation::bilinear;
  const RowOptions wrong{.wrong = {{{3}}, {{1, 0, 2}}}};
  expect_ops({
      row("interpolate nearest", f({5, 4}, {}), images, wrong),
      row("interpolate nearest to fewer", f({2, 1}, {}), images),
      row("interpolate bilinear", f({5, 4}, {.mode = bilinear}), images, wrong),
      row("interpolate bilinear, corners", f({5, 1}, {.mode = bilinear, .align_corners = true}), images),
      row("pixel_shuffle", [](auto x) { return pixel_shuffle(x[0], 2); }, {{{2, 8, 3, 2}, axis0}},
          {.wrong = {{{2, 6, 3, 2}}, {{4, 2}}}}),
  });
}

BOOST_AUTO_TEST_SUITE_END()
