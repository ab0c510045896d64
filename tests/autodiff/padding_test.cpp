// Padding of every mode, against the entries that stand at each place.
#include "autodiff/ops/padding.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples none = Examples::none, axis0 = Examples::axis0;

// The entry of an axis that stands `at` places from its begin, which lies outside for negative ones; -1: a constant.
long entry(long at, long extent, PadMode mode) {
  if (at >= 0 && at < extent) return at;
  switch (mode) {
    case PadMode::constant:
      return -1;
    case PadMode::reflect:
      return at < 0 ? -at : 2 * (extent - 1) - at;
    case PadMode::replicate:
      return at < 0 ? 0 : extent - 1;
    case PadMode::circular:
      return at < 0 ? at + extent : at - extent;
  }
  return -1;
}

Array<double> padded(const Array<double>& x, std::size_t axis, std::size_t before, std::size_t behind, PadOptions o) {
  Shape shape = x.shape();
  const std::size_t extent = shape[axis], inner = x.shape().slice(axis + 1, shape.rank()).size();
  shape[axis] += before + behind;
  Array<double> y(shape);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t outer = i / inner / shape[axis];
    const long at = static_cast<long>(i / inner % shape[axis]) - static_cast<long>(before);
    const long from = entry(at, static_cast<long>(extent), o.mode);
    y.mutable_data()[i] = from < 0 ? o.value : x[(outer * extent + static_cast<std::size_t>(from)) * inner + i % inner];
  }
  return y;
}

OpRow pad_row(Shape from, long axis, std::size_t before, std::size_t behind, PadOptions o, Examples examples = none,
              bool mixes = false) {
  const std::size_t a = resolve_axis(axis, from.rank(), "test");
  return row("pad " + to_string(from) + " axis " + std::to_string(axis),
             [=](auto x) { return pad(x[0], axis, before, behind, o); }, {{from, examples}},
             {.wrong = {{{}}},
              .reference = [=](const Arrays& x) { return padded(x[0], a, before, behind, o); },
              .mixes = mixes});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(padding)

BOOST_AUTO_TEST_CASE(one_axis_in_every_mode) {
  for (const PadOptions& o : {PadOptions{}, PadOptions{.value = -1.5}, PadOptions{.mode = PadMode::reflect},
                              PadOptions{.mode = PadMode::replicate}, PadOptions{.mode = PadMode::circular}})
    expect_ops({
        pad_row({4}, 0, 1, 2, o),
        pad_row({3, 2}, 0, 2, 0, o),
        pad_row({2, 3}, -1, 0, 2, o),
        pad_row({2, 3, 2}, -2, 2, 1, o),
        pad_row({3, 2, 4}, 2, 0, 0, o, axis0),
        pad_row({3, 2, 4}, 2, 1, 3, o, axis0),
        pad_row({3, 2}, 0, 1, 1, o, axis0, true),
    });
  expect_op(pad_row({2, 1}, 1, 3, 2, {.mode = PadMode::replicate}));
  expect_op(pad_row({2, 2}, 1, 2, 2, {.mode = PadMode::circular}));
}

BOOST_AUTO_TEST_CASE(sizes_of_several_axes_begin_with_the_last) {
  for (const PadOptions& o : {PadOptions{.value = 2.0}, PadOptions{.mode = PadMode::reflect}})
    expect_op(row("pad images",
                  [o](auto x) {
                    return pad(x[0], {2, 1, 0, 1}, o);
                  },
                  {{{2, 2, 3, 4}, axis0}}, {.wrong = {{{}}, {{4}}}, .reference = [o](const Arrays& x) {
                                              return padded(padded(x[0], 3, 2, 1, o), 2, 0, 1, o);
                                            }}));
  const Var<double> x(Array<double>::ones({2, 3}));
  BOOST_TEST((pad(x, std::vector<std::size_t>{}).shape() == x.shape()));
}

BOOST_AUTO_TEST_CASE(impossible_paddings) {
  const Var<double> x(Array<double>::ones({2, 3})), empty(Array<double>::ones({2, 0}));
  const auto refused = [](const char* part, auto f) {
    const std::string text = message_of<shape_error>(f);
    BOOST_TEST_CONTEXT(text) BOOST_TEST(has(text, part));
  };
  refused("[pad] axis 1 of (2, 3): cannot add 3 entries by reflect to an axis of 3. It must be at most 2",
          [&] { pad(x, 1, 0, 3, {.mode = PadMode::reflect}); });
  refused("[pad] axis 1 of (2, 3): cannot add 4 entries by circular to an axis of 3. It must be at most 3",
          [&] { pad(x, -1, 4, 0, {.mode = PadMode::circular}); });
  refused("[pad] axis 1 of (2, 0): no entries to pad with. Pad with a constant.",
          [&] { pad(empty, 1, 1, 0, {.mode = PadMode::replicate}); });
  refused("[pad] 3 sizes for (2, 3)", [&] { pad(x, {1, 1, 1}); });
  refused("[pad] 6 sizes for (2, 3)", [&] { pad(x, {1, 1, 1, 1, 1, 1}); });
}

BOOST_AUTO_TEST_SUITE_END()
