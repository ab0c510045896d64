#include "autodiff/ops/arithmetic.hpp"

#include <boost/test/unit_test.hpp>

#include "autodiff/xtensor.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples axis0 = Examples::axis0;

struct Pair {
  Input a, b;
  bool mixes = false;
};

// Every way two shapes can broadcast: equal, scalars, missing axes on either side, ones in each place, empty axes.
std::vector<Pair> pairs() {
  return {
      {{{}}, {{}}},
      {{{3}}, {{3}}},
      {{{3}}, {{}}},
      {{{}}, {{2, 3}}},
      {{{2, 3}}, {{3}}},
      {{{3}}, {{2, 3}}},
      {{{2, 3}}, {{2, 1}}},
      {{{1, 3}}, {{2, 1}}},
      {{{2, 1, 3}}, {{4, 1}}},
      {{{2, 3, 4}}, {{3, 1}}},
      {{{2, 3, 4}}, {{1, 3, 4}}},
      {{{1, 1, 1}}, {{2, 2}}},
      {{{2, 1, 2, 1}}, {{3, 1, 2}}},
      {{{0, 3}}, {{3}}},
      {{{2, 0}}, {{2, 1}}},
      {{{17, 19}}, {{19}}},
      {{{3, 4}, axis0}, {{3, 4}, axis0}},
      {{{3, 4}, axis0}, {{4}}},
      {{{4}}, {{3, 4}, axis0}},
      {{{3, 2, 4}, axis0}, {{2, 1}}},
      {{{3, 2, 4}, axis0}, {{3, 1, 1}, axis0}},
      {{{3, 2, 4}, axis0}, {{2, 4}}},
      {{{2, 4}}, {{3, 2, 2, 4}, axis0}},
      {{{3, 1}, axis0}, {{1, 4}}},
      {{{3, 4}, axis0}, {{}}},
      {{{3, 4}, axis0}, {{3, 1}}, true},
      {{{3}, axis0}, {{3}}, true},
      {{{3}, axis0}, {{3, 3}}, true},
  };
}

// Two arguments broadcast by xtensor and combined element by element.
template <class F>
auto by_xtensor(F f) {
  return [f](const Arrays& x) {
    const xt::xarray<double> a = x[0].to_xarray(), b = x[1].to_xarray();
    const xt::xarray<double> y = f(a, b);
    return Array<double>(y);
  };
}

// Rows for a binary op over all pairs of shapes, with the second argument in [low, high).
template <class F, class R>
std::vector<OpRow> binary_rows(const std::string& name, F f, R reference, double low = -2.0, double high = 2.0) {
  std::vector<OpRow> rows;
  for (Pair p : pairs()) {
    p.b.low = low;
    p.b.high = high;
    rows.push_back(row(name + " " + to_string(p.a.shape) + " " + to_string(p.b.shape), f, {p.a, p.b},
                       {.wrong = {{{2}, {3}}, {{2, 3}, {2}}, {{0}, {2}}, {{2, 1, 3}, {4, 2}}},
                        .reference = by_xtensor(reference),
                        .mixes = p.mixes}));
  }
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arithmetic)

BOOST_AUTO_TEST_CASE(add_rows) {
  expect_ops(binary_rows(
      "add", [](auto x) { return x[0] + x[1]; }, [](auto& a, auto& b) { return a + b; }));
}
BOOST_AUTO_TEST_CASE(subtract_rows) {
  expect_ops(binary_rows(
      "subtract", [](auto x) { return x[0] - x[1]; }, [](auto& a, auto& b) { return a - b; }));
}
BOOST_AUTO_TEST_CASE(multiply_rows) {
  expect_ops(binary_rows(
      "multiply", [](auto x) { return x[0] * x[1]; }, [](auto& a, auto& b) { return a * b; }));
}
BOOST_AUTO_TEST_CASE(divide_rows) {
  expect_ops(binary_rows(
      "divide", [](auto x) { return x[0] / x[1]; }, [](auto& a, auto& b) { return a / b; }, 0.5, 2.5));
}
BOOST_AUTO_TEST_CASE(maximum_rows) {
  expect_ops(binary_rows(
      "maximum", [](auto x) { return maximum(x[0], x[1]); }, [](auto& a, auto& b) { return xt::maximum(a, b); }));
}
BOOST_AUTO_TEST_CASE(minimum_rows) {
  expect_ops(binary_rows(
      "minimum", [](auto x) { return minimum(x[0], x[1]); }, [](auto& a, auto& b) { return xt::minimum(a, b); }));
}
BOOST_AUTO_TEST_CASE(named_rows) {
  const std::vector<Input> x = {{{2, 3}}, {{3}, Examples::none, 0.5, 2.5}};
  expect_ops({
      row("add by name", [](auto v) { return add(v[0], v[1]); }, x,
          {.reference = by_xtensor([](auto& a, auto& b) { return a + b; })}),
      row("subtract by name", [](auto v) { return subtract(v[0], v[1]); }, x,
          {.reference = by_xtensor([](auto& a, auto& b) { return a - b; })}),
      row("multiply by name", [](auto v) { return multiply(v[0], v[1]); }, x,
          {.reference = by_xtensor([](auto& a, auto& b) { return a * b; })}),
      row("divide by name", [](auto v) { return divide(v[0], v[1]); }, x,
          {.reference = by_xtensor([](auto& a, auto& b) { return a / b; })}),
      row("affine", [](auto v) { return affine(v[0], -1.5, 0.25); }, {{{3, 2}, axis0}},
          {.reference = [](const Arrays& v) { return Array<double>(-1.5 * v[0].xt() + 0.25); }}),
  });
}

BOOST_AUTO_TEST_SUITE_END()
