// Convolutions over volumes, against the sum of their definition, and paddings of all convolutions, against pad.
#include <boost/test/unit_test.hpp>

#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/indexing.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples none = Examples::none, axis0 = Examples::axis0;

struct Setting {
  const char* name;
  Shape lead;  // axes in front of the volume; the first one runs over examples
  std::size_t channels;
  Shape extents;
  std::size_t out;
  Shape kernel;
  Conv3dOptions options = {};
};

const std::vector<Setting> settings = {
    {"plain", {2}, 2, {3, 2, 4}, 3, {2, 1, 3}},
    {"one by one by one", {2}, 3, {2, 2, 2}, 2, {1, 1, 1}},
    {"padding", {2}, 1, {2, 2, 3}, 2, {3, 2, 3}, {.padding = {2, 1, 1}}},
    {"stride", {2}, 2, {4, 3, 5}, 2, {2, 2, 1}, {.stride = {2, 1, 3}}},
    {"stride of planes only", {2}, 2, {5, 2, 2}, 2, {1, 1, 1}, {.stride = {2, 1, 1}}},
    {"dilation", {2}, 1, {4, 3, 4}, 2, {2, 2, 2}, {.dilation = {3, 2, 1}}},
    {"groups", {2}, 4, {2, 3, 2}, 2, {2, 2, 1}, {.padding = {0, 1, 0}, .groups = 2}},
    {"all options", {2}, 2, {4, 3, 3}, 4, {2, 1, 3}, {{2, 1, 1}, {1, 0, 2}, {2, 1, 1}, 2}},
    {"a volume", {}, 2, {2, 3, 2}, 2, {2, 2, 2}},
    {"two axes in front", {2, 2}, 1, {2, 2, 2}, 2, {2, 1, 2}},
};

// Calls f(number, place) for all places of a box.
template <class F>
void each_place(const Shape& box, F f) {
  for (std::size_t flat = 0; flat < box.size(); ++flat)
    f(flat, Shape{flat / box[2] / box[1], flat / box[2] % box[1], flat % box[2]});
}

// The sum of the definition, term by term.
Array<double> plain_conv3d(const Arrays& v, const Conv3dOptions& o) {
  const Shape &x = v[0].shape(), &w = v[1].shape();
  const Shape in = x.slice(x.rank() - 3, x.rank()), kernel = w.slice(2, 5), lead = x.slice(0, x.rank() - 4),
              padding{o.padding.depth, o.padding.height, o.padding.width},
              stride{o.stride.depth, o.stride.height, o.stride.width},
              dilation{o.dilation.depth, o.dilation.height, o.dilation.width};
  Shape out;
  for (std::size_t a = 0; a < 3; ++a)
    out.push_back((in[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) / stride[a] + 1);
  const std::size_t channels = x.from_right(4), outputs_of_group = w[0] / o.groups;
  Array<double> y(lead.joined({w[0]}).joined(out));
  double* to = y.mutable_data();
  for (std::size_t n = 0; n < lead.size(); ++n)
    for (std::size_t c = 0; c < w[0]; ++c)
      each_place(out, [&](std::size_t, const Shape& p) {
        double sum = v.size() == 3 ? v[2][c] : 0.0;
        for (std::size_t q = 0; q < w[1]; ++q)
          each_place(kernel, [&](std::size_t tap, const Shape& k) {
            std::size_t place = n * channels + c / outputs_of_group * w[1] + q;
            for (std::size_t a = 0; a < 3; ++a) {
              const std::size_t at = p[a] * stride[a] + k[a] * dilation[a];
              if (at < padding[a] || at - padding[a] >= in[a]) return;
              place = place * in[a] + at - padding[a];
            }
            sum += v[0][place] * v[1][(c * w[1] + q) * kernel.size() + tap];
          });
        *to++ = sum;
      });
  return y;
}

Input volumes(const Setting& s) {
  return {s.lead.joined({s.channels}).joined(s.extents), s.lead.rank() ? axis0 : none};
}
Input weight(const Setting& s) { return {Shape{s.out, s.channels / s.options.groups}.joined(s.kernel)}; }
Input outputs(const Setting& s) {
  const Arrays zeros = {Array<double>::zeros(volumes(s).shape), Array<double>::zeros(weight(s).shape)};
  return {plain_conv3d(zeros, s.options).shape(), volumes(s).examples};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution_3d)

BOOST_AUTO_TEST_CASE(conv3d_rows) {
  for (const Setting& s : settings)
    for (const bool bias : {false, true}) {
      std::vector<Input> inputs = {volumes(s), weight(s)};
      if (bias) inputs.push_back({{s.out}});
      const Conv3dOptions o = s.options;
      expect_op(row(std::string("conv3d ") + s.name + (bias ? " with bias" : ""),
                    [o](auto v) { return v.size() == 3 ? conv3d(v[0], v[1], v[2], o) : conv3d(v[0], v[1], {}, o); },
                    inputs, {.reference = [o](const Arrays& v) { return plain_conv3d(v, o); }}));
    }
}

BOOST_AUTO_TEST_CASE(transposes_rows) {
  for (const Setting& s : settings) {
    const Conv3dOptions o = s.options;
    const std::size_t axes = s.lead.rank();
    const Extent3d extents{s.extents[0], s.extents[1], s.extents[2]}, kernel{s.kernel[0], s.kernel[1], s.kernel[2]};
    expect_op(row(std::string("conv3d_input ") + s.name, [=](auto v) { return conv3d_input(v[0], v[1], extents, o); },
                  {outputs(s), weight(s)}));
    RowOptions options;
    options.mixes = axes > 0;
    expect_op(row(
        std::string("conv3d_weight ") + s.name, [=](auto v) { return conv3d_weight(v[0], v[1], axes, kernel, o); },
        {volumes(s), outputs(s)}, options));
  }
}

// Large enough for several blocks of rows of patches, which end within a plane.
BOOST_AUTO_TEST_CASE(volumes_of_several_blocks) {
  Random random(3);
  const Conv3dOptions o{.stride = {1, 2, 1}, .padding = 1};
  const Arrays v = {random_array(random, {2, 6, 5, 9, 30}), random_array(random, {4, 6, 3, 3, 3})};
  const Var<double> x(v[0]), w(v[1]), y = conv3d(x, w, {}, o);
  BOOST_TEST(difference(y.value(), plain_conv3d(v, o)) < 1e-13);
  const Array<double> ybar = random_array(random, y.shape());
  const double expected = inner(ybar, y.value());
  const double by_input = inner(conv3d_input(Var<double>(ybar), w, {5, 9, 30}, o).value(), v[0]);
  const double by_weight = inner(conv3d_weight(x, Var<double>(ybar), 1, 3, o).value(), v[1]);
  BOOST_TEST(std::abs(by_input - expected) < 1e-9);
  BOOST_TEST(std::abs(by_weight - expected) < 1e-9);
}

BOOST_AUTO_TEST_CASE(paddings_of_every_mode_and_same) {
  for (const PadMode mode : {PadMode::zeros, PadMode::reflect, PadMode::replicate, PadMode::circular}) {
    expect_op(row("conv2d, padded",
                  [mode](auto v) {
                    return conv2d(v[0], v[1], v[2], {.stride = {2, 1}, .padding = {1, 2}, .padding_mode = mode});
                  },
                  {{{2, 2, 3, 4}, axis0}, {{3, 2, 2, 3}}, {{3}}}, {.reference = [mode](const Arrays& v) {
                    const Var<double> x = pad(Var<double>(v[0]), {2, 2, 1, 1}, {.mode = mode});
                    return conv2d(x, Var<double>(v[1]), Var<double>(v[2]), {.stride = {2, 1}}).value();
                  }}));
    expect_op(row("conv1d, same",
                  [mode](auto v) { return conv1d(v[0], v[1], {}, {.padding = same_padding, .padding_mode = mode}); },
                  {{{2, 2, 5}, axis0}, {{3, 2, 4}}}, {.reference = [mode](const Arrays& v) {
                    return conv1d(pad(Var<double>(v[0]), {1, 2}, {.mode = mode}), Var<double>(v[1])).value();
                  }}));
    expect_op(
        row("conv3d, same",
            [mode](auto v) {
              return conv3d(v[0], v[1], {}, {.padding = same_padding, .dilation = {1, 2, 1}, .padding_mode = mode});
            },
            {{{2, 1, 2, 3, 3}, axis0}, {{2, 1, 2, 2, 3}}}, {.reference = [mode](const Arrays& v) {
              const Var<double> x = pad(Var<double>(v[0]), {1, 1, 1, 1, 0, 1}, {.mode = mode});
              return conv3d(x, Var<double>(v[1]), {}, {.dilation = {1, 2, 1}}).value();
            }}));
  }
}

BOOST_AUTO_TEST_CASE(wrong_arguments) {
  expect_op(row("conv3d", [](auto v) { return v.size() == 3 ? conv3d(v[0], v[1], v[2]) : conv3d(v[0], v[1]); },
                {{{2, 4, 3, 3, 3}, axis0}, {{4, 4, 2, 2, 2}}},
                {.wrong = {{{4, 4}, {4, 4, 2, 2, 2}},
                           {{3, 3, 3}, {4, 4, 2, 2, 2}},
                           {{2, 4, 3, 3, 3}, {4, 4, 2, 2}},
                           {{2, 3, 3, 3, 3}, {4, 4, 2, 2, 2}},
                           {{2, 4, 1, 3, 3}, {4, 4, 2, 2, 2}},
                           {{2, 4, 3, 1, 3}, {4, 4, 2, 2, 2}},
                           {{2, 4, 3, 3, 1}, {4, 4, 2, 2, 2}},
                           {{2, 4, 3, 3, 3}, {4, 4, 0, 2, 2}},
                           {{2, 4, 3, 3, 3}, {4, 4, 2, 2, 2}, {3}}}}));
  const Var<double> x(Array<double>::ones({1, 2, 3, 3, 3})), w(Array<double>::ones({2, 2, 2, 2, 2}));
  for (const Conv3dOptions& o : {Conv3dOptions{.stride = {0, 1, 1}}, Conv3dOptions{.dilation = {0, 1, 1}},
                                 Conv3dOptions{.dilation = {3, 1, 1}}, Conv3dOptions{.groups = 0}})
    BOOST_CHECK_THROW(conv3d(x, w, {}, o), shape_error);
  BOOST_CHECK_THROW(conv3d_input(x, w, 3), shape_error);
  BOOST_CHECK_THROW(conv3d_input(x, Var<double>(Array<double>::ones({2, 2, 2, 2})), 3), shape_error);
  BOOST_CHECK_THROW(conv3d_weight(x, x, 1, 2), shape_error);
  BOOST_CHECK_THROW(conv3d_weight(x, x, 2, 2), shape_error);
  const auto refused = [](const char* part, auto f) {
    const std::string text = message_of<shape_error>(f);
    BOOST_TEST_CONTEXT(text) BOOST_TEST(has(text, part));
  };
  refused("[conv3d] same_padding with a stride of 2", [&] {
    conv3d(x, w, {}, {.stride = {1, 2, 1}, .padding = same_padding});
  });
  refused("[pad] axis 4 of (1, 2, 3, 3, 3): cannot add 3 entries by reflect to an axis of 3. It must be at most 2",
          [&] {
            conv3d(x, w, {}, {.padding = {0, 0, 3}, .padding_mode = PadMode::reflect});
          });
  refused("[conv3d_input] neither same_padding nor a padding mode",
          [&] { conv3d_input(x, w, 3, {.padding = same_padding}); });
  refused("[conv3d_weight] neither same_padding nor a padding mode",
          [&] { conv3d_weight(x, x, 1, 2, {.padding_mode = PadMode::circular}); });
  const Var<double> image(Array<double>::ones({1, 2, 3, 3})), kernel(Array<double>::ones({2, 2, 2, 2}));
  refused("[conv2d] same_padding with a stride of 3",
          [&] { conv2d(image, kernel, {}, {.stride = 3, .padding = same_padding}); });
  refused("[conv2d_input] neither same_padding", [&] {
    conv2d_input(image, kernel, 3, 3, {.padding = {0, same_padding}});
  });
  refused("[conv1d] same_padding with a stride of 2", [] {
    conv1d(Var<double>(Array<double>::ones({1, 4})), Var<double>(Array<double>::ones({1, 1, 2})), {},
           {.stride = 2, .padding = same_padding});
  });
}

BOOST_AUTO_TEST_SUITE_END()
