#include "autodiff/ops/pooling.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;
using Values = std::vector<double>;

struct Setting {
  Shape shape;
  Extent2d kernel;
  PoolOptions options = {};
};

const std::vector<Setting> settings = {
    {{2, 1, 4, 6}, 2},
    {{2, 3, 5, 5}, 2},
    {{2, 2, 4, 5}, {2, 3}, {.stride = {2, 1}}},
    {{3, 2, 4, 4}, 1},
    {{2, 1, 6, 3}, 3},
    {{2, 1, 5, 5}, 3, {.stride = 1}},
    {{2, 1, 5, 4}, 3, {.stride = 2, .padding = 1}},
    {{2, 1, 5, 4}, 3, {.stride = 2, .padding = 1, .count_include_pad = false}},
    {{2, 1, 2, 5}, {2, 3}, {.stride = {1, 2}, .padding = {1, 0}, .count_include_pad = false}},
    {{2, 1, 5, 5}, 2, {.stride = 3}},
    {{2, 1, 3, 4}, {3, 4}, {.stride = 5}},
    {{2, 1, 2, 2, 3, 4}, 2},
    {{2, 1, 5, 6}, 2, {.ceil_mode = true}},
    {{2, 1, 5, 4}, {3, 2}, {.stride = {2, 3}, .padding = 1, .ceil_mode = true}},
    {{2, 1, 5, 4}, {3, 2}, {.stride = {2, 3}, .padding = 1, .count_include_pad = false, .ceil_mode = true}},
    {{2, 1, 6, 6}, 3, {.stride = 2, .padding = 1, .ceil_mode = true}},
    {{2, 1, 3, 4}, 2, {.stride = 3, .padding = 1, .ceil_mode = true}},
    {{2, 1, 2, 7}, {2, 4}, {.stride = {5, 3}, .ceil_mode = true}},
    {{2, 1, 2, 2}, 3, {.stride = 2, .ceil_mode = true}},  // one window, of which a part is there
    {{2, 1, 3, 2}, {5, 4}, {.stride = {4, 3}, .padding = {1, 0}, .ceil_mode = true}},
};

const std::vector<Setting> dilated = {
    {{2, 1, 5, 6}, 2, {.stride = 1, .dilation = 2}},
    {{2, 1, 6, 4}, {3, 2}, {.stride = 2, .padding = {2, 1}, .dilation = {2, 3}}},
    {{2, 1, 6, 7}, {2, 3}, {.stride = {2, 1}, .padding = {1, 2}, .dilation = {3, 2}, .ceil_mode = true}},
    {{2, 1, 5, 5}, {1, 2}, {.stride = {1, 2}, .dilation = {2, 1}}},
};

long outputs(long extent, long kernel, long stride, long padding, long dilation, bool ceil) {
  const double steps =
      static_cast<double>(extent + 2 * padding - dilation * (kernel - 1) - 1) / static_cast<double>(stride);
  const long count = static_cast<long>(ceil ? std::ceil(steps) : std::floor(steps)) + 1;
  return ceil && (count - 1) * stride - padding >= extent ? count - 1 : count;
}

// Pools by the definition: every window, element by element.
Array<double> pool(const Array<double>& x, const Setting& s, bool maximum) {
  const long height = static_cast<long>(x.shape().from_right(2)), width = static_cast<long>(x.shape().from_right(1));
  const Extent2d stride = s.options.stride == same_as_kernel ? s.kernel : s.options.stride;
  const long kh = static_cast<long>(s.kernel.height), kw = static_cast<long>(s.kernel.width);
  const long sh = static_cast<long>(stride.height), sw = static_cast<long>(stride.width);
  const long ph = static_cast<long>(s.options.padding.height), pw = static_cast<long>(s.options.padding.width);
  const long dh = static_cast<long>(s.options.dilation.height), dw = static_cast<long>(s.options.dilation.width);
  const long oh = outputs(height, kh, sh, ph, dh, s.options.ceil_mode),
             ow = outputs(width, kw, sw, pw, dw, s.options.ceil_mode);
  const Shape lead = x.shape().slice(0, x.rank() - 2);
  Values out;
  for (std::size_t image = 0; image < lead.size(); ++image)
    for (long i = 0; i < oh; ++i)
      for (long j = 0; j < ow; ++j) {
        double best = -std::numeric_limits<double>::infinity(), total = 0, count = 0;
        for (long h = i * sh - ph; h < i * sh - ph + kh * dh; h += dh)
          for (long w = j * sw - pw; w < j * sw - pw + kw * dw; w += dw) {
            const bool inside = h >= 0 && h < height && w >= 0 && w < width;
            if (inside || (s.options.count_include_pad && h < height + ph && w < width + pw)) ++count;
            if (!inside) continue;
            const double v = x[(image * static_cast<std::size_t>(height) + static_cast<std::size_t>(h)) *
                                   static_cast<std::size_t>(width) +
                               static_cast<std::size_t>(w)];
            best = std::max(best, v);
            total += v;
          }
        out.push_back(maximum ? best : total / count);
      }
  return Array<double>::from(lead.joined({static_cast<std::size_t>(oh), static_cast<std::size_t>(ow)}), out);
}

Array<double> adaptive(const Array<double>& x, Extent2d output) {
  const std::size_t height = x.shape().from_right(2), width = x.shape().from_right(1);
  const Shape lead = x.shape().slice(0, x.rank() - 2);
  Values out;
  for (std::size_t image = 0; image < lead.size(); ++image)
    for (std::size_t i = 0; i < output.height; ++i)
      for (std::size_t j = 0; j < output.width; ++j) {
        double total = 0, count = 0;
        for (std::size_t h = 0; h < height; ++h)
          for (std::size_t w = 0; w < width; ++w) {
            const bool in_rows = (h + 1) * output.height > i * height && h * output.height < (i + 1) * height;
            const bool in_columns = (w + 1) * output.width > j * width && w * output.width < (j + 1) * width;
            if (!in_rows || !in_columns) continue;
            total += x[(image * height + h) * width + w];
            ++count;
          }
        out.push_back(total / count);
      }
  return Array<double>::from(lead.joined({output.height, output.width}), out);
}

std::string title(const char* name, const Setting& s) {
  return std::string(name) + " of " + to_string(s.shape) + " by " + std::to_string(s.kernel.height) + " x " +
         std::to_string(s.kernel.width);
}

Values gradient_of_max(const Shape& shape, const Values& values, Extent2d kernel, PoolOptions options = {}) {
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(Array<double>::from(shape, values))};
  const Var<double> y = max_pool2d(x[0], kernel, options);
  const Array<double> g = pullback<double>(y, Var<double>(Array<double>::ones(y.shape())), x)[0].value();
  return Values(g.data(), g.data() + g.size());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pooling)

BOOST_AUTO_TEST_CASE(average_windows) {
  for (const Setting& s : settings)
    expect_op(row(
        title("avg_pool2d", s), [s](auto x) { return avg_pool2d(x[0], s.kernel, s.options); },
        {{s.shape, Examples::axis0}},
        {.wrong = {{{}}, {{4, 4}}, {{1, 0, 4}}}, .reference = [s](const Arrays& x) { return pool(x[0], s, false); }}));
}

BOOST_AUTO_TEST_CASE(maximum_windows) {
  std::vector<Setting> all = settings;
  all.insert(all.end(), dilated.begin(), dilated.end());
  for (const Setting& s : all)
    expect_op(row(
        title("max_pool2d", s), [s](auto x) { return max_pool2d(x[0], s.kernel, s.options); },
        {{s.shape, Examples::axis0, -4.0, 4.0}},
        {.wrong = {{{}}, {{4, 4}}, {{1, 0, 4}}}, .reference = [s](const Arrays& x) { return pool(x[0], s, true); }}));
}

BOOST_AUTO_TEST_CASE(whole_and_adaptive_windows) {
  expect_op(row("global_avg_pool2d", [](auto x) { return global_avg_pool2d(x[0]); }, {{{2, 3, 3, 2}, Examples::axis0}},
                {.wrong = {{{3, 3}}, {{1, 2, 0}}}, .reference = [](const Arrays& x) {
                   return adaptive(x[0], 1).reshaped({2, 3});
                 }}));
  for (const Extent2d output : {Extent2d(1), Extent2d(2, 3), Extent2d(3, 2), Extent2d(4, 6), Extent2d(5, 7)})
    expect_op(row("adaptive_avg_pool2d to " + std::to_string(output.height) + " x " + std::to_string(output.width),
                  [output](auto x) { return adaptive_avg_pool2d(x[0], output); }, {{{2, 1, 4, 6}, Examples::axis0}},
                  {.wrong = {{{3, 3}}}, .reference = [output](const Arrays& x) { return adaptive(x[0], output); }}));
}

BOOST_AUTO_TEST_CASE(images_without_a_batch) {
  expect_op(row("avg_pool2d of one image", [](auto x) { return avg_pool2d(x[0], 2); }, {{{3, 4, 4}}}));
  expect_op(
      row("max_pool2d of one image", [](auto x) { return max_pool2d(x[0], 2); }, {{{3, 4, 4}, Examples::none, -4, 4}}));
}

BOOST_AUTO_TEST_CASE(more_images_than_one_task) {
  Random random(5);
  const Shape shape{9, 5, 34, 33};
  const Array<double> x = random_array(random, shape);
  for (const Setting& s : {Setting{shape, 2}, Setting{shape, {2, 3}}, Setting{shape, {17, 11}},
                           Setting{shape, 3, {.stride = 2, .padding = 1}}})
    for (const bool maximum : {false, true}) {
      const Var<double> v(x);
      const Array<double> y =
          (maximum ? max_pool2d(v, s.kernel, s.options) : avg_pool2d(v, s.kernel, s.options)).value();
      BOOST_TEST(difference(y, pool(x, s, maximum)) < 1e-14, title(maximum ? "max" : "average", s));
      const Array<float> narrow = (maximum ? max_pool2d(Var<float>(cast<float>(x)), s.kernel, s.options)
                                           : avg_pool2d(Var<float>(cast<float>(x)), s.kernel, s.options))
                                      .value();
      BOOST_TEST(difference(to_double(narrow), y) < 1e-6, title(maximum ? "max" : "average", s));
    }
}

BOOST_AUTO_TEST_CASE(adaptive_and_global_maxima) {
  const auto largest = [](std::size_t height, std::size_t width, Extent2d output) {
    return [=](const std::vector<Array<double>>& x) {
      std::vector<double> out;
      for (std::size_t image = 0; image < x[0].size() / (height * width); ++image)
        for (std::size_t i = 0; i < output.height; ++i)
          for (std::size_t j = 0; j < output.width; ++j) {
            double best = -1e9;
            for (std::size_t h = i * height / output.height; h * output.height < (i + 1) * height; ++h)
              for (std::size_t w = j * width / output.width; w * output.width < (j + 1) * width; ++w)
                best = std::max(best, x[0][(image * height + h) * width + w]);
            out.push_back(best);
          }
      const Shape lead = x[0].shape().slice(0, x[0].rank() - (height == 1 ? 1 : 2));
      const bool global = output.height * output.width == 1;
      return Array<double>::from(global ? lead : lead.joined({output.height, output.width}), out);
    };
  };
  expect_ops({
      row("adaptive_max_pool2d",
          [](auto x) {
            return adaptive_max_pool2d(x[0], {2, 3});
          },
          {{{2, 3, 5, 4}, Examples::axis0}}, {.wrong = {{{5, 4}}, {{2, 0, 4}}}, .reference = largest(5, 4, {2, 3})}),
      row("global_max_pool of images", [](auto x) { return global_max_pool(x[0]); }, {{{2, 3, 3, 4}, Examples::axis0}},
          {.wrong = {{{3, 4}}, {{2, 3, 0, 4}}}, .reference = largest(3, 4, 1)}),
      row("global_max_pool of signals", [](auto x) { return global_max_pool(x[0], 1); }, {{{2, 3, 7}, Examples::axis0}},
          {.wrong = {{{7}}}, .reference = largest(1, 7, 1)}),
  });
}

BOOST_AUTO_TEST_CASE(the_first_of_equal_elements_gets_the_derivative) {
  BOOST_TEST(gradient_of_max({1, 2, 4}, {1, 7, 2, 2, 7, 7, 2, 2}, 2) == Values({0, 1, 1, 0, 0, 0, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(gradient_of_max({1, 2, 3}, {0, 5, 0, 5, 0, 0}, 2, {.stride = 1}) == Values({0, 2, 0, 0, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(padding_never_wins) {
  const double inf = std::numeric_limits<double>::infinity();
  const Values values(4, -inf);
  const PoolOptions padded{.stride = 2, .padding = 1};
  const Var<double> y = max_pool2d(Var<double>(Array<double>::from({1, 2, 2}, values)), 2, padded);
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(y.value()[i] == -inf);
  BOOST_TEST(gradient_of_max({1, 2, 2}, values, 2, padded) == Values(4, 1.0), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(not_a_number_wins) {
  for (const Extent2d stride : {Extent2d(2), Extent2d(1)})
    for (std::size_t at = 0; at < 4; ++at) {
      Values values{3, 4, 5, 6};
      values[at] = std::numeric_limits<double>::quiet_NaN();
      const Array<double> x = Array<double>::from({1, 2, 2}, values);
      BOOST_TEST(std::isnan(max_pool2d(Var<double>(x), 2, {.stride = stride}).value().item()));
      Values expected(4, 0.0);
      expected[at] = 1.0;
      BOOST_TEST(gradient_of_max({1, 2, 2}, values, 2, {.stride = stride}) == expected,
                 boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(impossible_windows) {
  const Var<double> x(Array<double>::ones({1, 1, 4, 5}));
  const auto refused = [&](Extent2d kernel, PoolOptions options, const char* part) {
    const auto names = [&](const shape_error& e) {
      return std::string(e.what()).find(part) != std::string::npos && e.what()[0] == '[';
    };
    BOOST_CHECK_EXCEPTION(max_pool2d(x, kernel, options), shape_error, names);
    BOOST_CHECK_EXCEPTION(avg_pool2d(x, kernel, options), shape_error, names);
  };
  refused(0, {}, "a window of 0");
  refused({2, 0}, {}, "width: a window of 0");
  refused(2, {.stride = 0}, "a stride of 0");
  refused(2, {.stride = {1, 0}}, "width: a stride of 0");
  refused(2, {.padding = 2}, "padding 2 is more than half");
  refused({5, 2}, {}, "height: the window of 5 is larger than the padded input of 4");
  refused({2, 8}, {.padding = {0, 1}}, "width: the window of 8 is larger than the padded input of 7");
  refused(2, {.padding = {1, 2}}, "width: padding 2 is more than half");
  const auto maximum_refused = [&](Extent2d kernel, PoolOptions options, const char* part) {
    const std::string text = message_of<shape_error>([&] { max_pool2d(x, kernel, options); });
    BOOST_TEST_CONTEXT(text) BOOST_TEST(has(text, part));
  };
  maximum_refused(2, {.dilation = {1, 0}}, "width: a dilation of 0");
  maximum_refused(2, {.dilation = {4, 1}}, "height: the window of 5 is larger than the padded input of 4");
  maximum_refused(2, {.padding = {2, 0}, .dilation = {6, 1}}, "height: window 0 holds nothing but padding");
  const std::string dilation = message_of<shape_error>([&] { avg_pool2d(x, 2, {.dilation = 2}); });
  BOOST_TEST_CONTEXT(dilation) BOOST_TEST(has(dilation, "[avg_pool2d] has no dilation. Only max pooling"));
  BOOST_CHECK_THROW(adaptive_avg_pool2d(x, 0), shape_error);
  BOOST_CHECK_THROW(adaptive_avg_pool2d(x, {2, 0}), shape_error);
  BOOST_CHECK_THROW(adaptive_max_pool2d(x, {0, 2}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
