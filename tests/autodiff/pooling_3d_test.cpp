// Pooling of volumes, by the definition: every window, element by element.
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "autodiff/ops/pooling.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;
using Three = std::array<long, 3>;

constexpr Examples axis0 = Examples::axis0;

Three three(const Extent3d& e) {
  return {static_cast<long>(e.depth), static_cast<long>(e.height), static_cast<long>(e.width)};
}

// The inputs of each output along one axis, and by how many an average divides.
struct Window {
  std::vector<long> inputs;
  double count;
};
using Axis = std::vector<Window>;

Axis sliding(long extent, long kernel, long stride, long padding, long dilation, bool ceil, bool count_padding) {
  const long room = extent + 2 * padding - dilation * (kernel - 1) - 1;
  long outputs = (ceil ? (room + stride - 1) / stride : room / stride) + 1;
  if (ceil && (outputs - 1) * stride - padding >= extent) --outputs;
  Axis out;
  for (long i = 0; i < outputs; ++i) {
    const long begin = i * stride - padding;
    Window w{{}, 0};
    for (long a = 0; a < kernel; ++a) {
      const long at = begin + a * dilation;
      if (at >= 0 && at < extent) w.inputs.push_back(at);
      if (count_padding ? at < extent + padding : at >= 0 && at < extent) ++w.count;
    }
    out.push_back(w);
  }
  return out;
}

Axis adaptive(long extent, long outputs) {
  Axis out;
  for (long i = 0; i < outputs; ++i) {
    Window w{{}, 0};
    for (long at = i * extent / outputs; at * outputs < (i + 1) * extent; ++at) w.inputs.push_back(at);
    w.count = static_cast<double>(w.inputs.size());
    out.push_back(w);
  }
  return out;
}

Array<double> pool(const Array<double>& x, const std::array<Axis, 3>& axes, bool maximum) {
  const std::size_t d = x.shape().from_right(3), h = x.shape().from_right(2), w = x.shape().from_right(1);
  const Shape lead = x.shape().slice(0, x.rank() - 3);
  std::vector<double> out;
  for (std::size_t n = 0; n < lead.size(); ++n)
    for (const Window& plane : axes[0])
      for (const Window& row : axes[1])
        for (const Window& column : axes[2]) {
          double total = 0, best = -std::numeric_limits<double>::infinity();
          for (const long i : plane.inputs)
            for (const long j : row.inputs)
              for (const long k : column.inputs) {
                const double v = x[((n * d + static_cast<std::size_t>(i)) * h + static_cast<std::size_t>(j)) * w +
                                   static_cast<std::size_t>(k)];
                total += v;
                best = std::max(best, v);
              }
          out.push_back(maximum ? best : total / (plane.count * row.count * column.count));
        }
  return Array<double>::from(lead.joined({axes[0].size(), axes[1].size(), axes[2].size()}), out);
}

struct Setting {
  Shape shape;
  Extent3d kernel;
  Pool3dOptions options = {};

  std::array<Axis, 3> axes() const {
    const Three in = three({shape.from_right(3), shape.from_right(2), shape.from_right(1)}), k = three(kernel),
                s = three(options.stride == same_as_kernel ? kernel : options.stride), p = three(options.padding),
                d = three(options.dilation);
    std::array<Axis, 3> out;
    for (std::size_t a = 0; a < 3; ++a)
      out[a] = sliding(in[a], k[a], s[a], p[a], d[a], options.ceil_mode, options.count_include_pad);
    return out;
  }
};

const std::vector<Setting> settings = {
    {{2, 1, 4, 2, 6}, 2},
    {{2, 2, 3, 5, 2}, {2, 3, 1}, {.stride = 1}},
    {{2, 1, 3, 4, 4}, {3, 2, 2}, {.stride = {2, 2, 1}, .padding = {1, 0, 1}}},
    {{2, 1, 3, 4, 4}, {3, 2, 2}, {.stride = {2, 2, 1}, .padding = {1, 0, 1}, .count_include_pad = false}},
    {{2, 1, 5, 4, 3}, 2, {.padding = 1, .ceil_mode = true}},
    {{2, 1, 5, 4, 3}, 2, {.stride = {3, 2, 1}, .padding = {1, 1, 0}, .count_include_pad = false, .ceil_mode = true}},
};

std::string title(const char* name, const Setting& s) {
  return std::string(name) + " of " + to_string(s.shape) + " by " +
         to_string(Shape{s.kernel.depth, s.kernel.height, s.kernel.width});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pooling_3d)

BOOST_AUTO_TEST_CASE(average_windows) {
  for (const Setting& s : settings)
    expect_op(row(title("avg_pool3d", s), [s](auto x) { return avg_pool3d(x[0], s.kernel, s.options); },
                  {{s.shape, axis0}}, {.wrong = {{{}}, {{4, 4, 4}}, {{1, 0, 4, 4}}}, .reference = [s](const Arrays& x) {
                                         return pool(x[0], s.axes(), false);
                                       }}));
  expect_op(row("avg_pool3d of one volume", [](auto x) { return avg_pool3d(x[0], 2); }, {{{2, 2, 4, 2}}}));
}

BOOST_AUTO_TEST_CASE(maximum_windows) {
  std::vector<Setting> all = settings;
  all.push_back({{2, 1, 5, 3, 4}, 2, {.stride = {1, 2, 1}, .dilation = {3, 1, 2}}});
  all.push_back({{2, 1, 4, 3, 4}, 2, {.stride = 2, .padding = {1, 0, 1}, .dilation = {2, 1, 2}, .ceil_mode = true}});
  for (const Setting& s : all)
    expect_op(row(title("max_pool3d", s), [s](auto x) { return max_pool3d(x[0], s.kernel, s.options); },
                  {{s.shape, axis0, -4.0, 4.0}},
                  {.wrong = {{{}}, {{4, 4, 4}}, {{1, 0, 4, 4}}},
                   .reference = [s](const Arrays& x) { return pool(x[0], s.axes(), true); }}));
}

BOOST_AUTO_TEST_CASE(adaptive_windows) {
  for (const Extent3d output : {Extent3d(1), Extent3d(2, 3, 1), Extent3d(3, 2, 4), Extent3d(4, 1, 3)}) {
    const std::array<Axis, 3> axes = {adaptive(3, three(output)[0]), adaptive(4, three(output)[1]),
                                      adaptive(2, three(output)[2])};
    const std::string to = " to " + to_string(Shape{output.depth, output.height, output.width});
    const Input x{{2, 2, 3, 4, 2}, axis0};
    expect_ops({
        row("adaptive_avg_pool3d" + to, [output](auto v) { return adaptive_avg_pool3d(v[0], output); }, {x},
            {.wrong = {{{3, 4, 2}}, {{1, 3, 0, 2}}},
             .reference = [axes](const Arrays& v) { return pool(v[0], axes, false); }}),
        row("adaptive_max_pool3d" + to, [output](auto v) { return adaptive_max_pool3d(v[0], output); }, {x},
            {.wrong = {{{3, 4, 2}}, {{1, 3, 0, 2}}},
             .reference = [axes](const Arrays& v) { return pool(v[0], axes, true); }}),
    });
  }
}

BOOST_AUTO_TEST_CASE(the_first_of_equal_elements_gets_the_derivative) {
  Tape<double> tape;
  const Var<double> x = tape.variable(Array<double>::from({1, 2, 2, 2}, {0, 0, 0, 5, 5, 0, 0, 5}));
  const Array<double> g =
      pullback<double>(max_pool3d(x, 2), Var<double>(Array<double>::ones({1, 1, 1, 1})), {x})[0].value();
  for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(g[i] == (i == 3 ? 1.0 : 0.0));
}

BOOST_AUTO_TEST_CASE(impossible_windows) {
  const Var<double> x(Array<double>::ones({1, 2, 4, 5, 6}));
  const auto refused = [](const char* part, auto f) {
    const std::string text = message_of<shape_error>(f);
    BOOST_TEST_CONTEXT(text) BOOST_TEST(has(text, part));
  };
  refused("[max_pool3d] depth: a window of 0", [&] { max_pool3d(x, {0, 1, 1}); });
  refused("[max_pool3d] depth: the window of 5 is larger than the padded input of 4", [&] {
    max_pool3d(x, {3, 1, 1}, {.dilation = {2, 1, 1}});
  });
  refused("[avg_pool3d] depth: padding 2 is more than half", [&] { avg_pool3d(x, 2, {.padding = {2, 0, 0}}); });
  refused("[avg_pool3d] has no dilation. Only max pooling", [&] { avg_pool3d(x, 2, {.dilation = 2}); });
  refused("[avg_pool3d] got (4, 5, 6). Expected volumes (..., C, D, H, W).", [] {
    avg_pool3d(Var<double>(Array<double>::ones({4, 5, 6})), 2);
  });
  refused("[adaptive_avg_pool3d] the output size (1, 0, 1)", [&] { adaptive_avg_pool3d(x, {1, 0, 1}); });
  refused("[adaptive_max_pool3d] the output size (0, 1, 1)", [&] { adaptive_max_pool3d(x, {0, 1, 1}); });
}

BOOST_AUTO_TEST_SUITE_END()
