#include "autodiff/ops/arithmetic.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "autodiff/ops/activation.hpp"
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
BOOST_AUTO_TEST_CASE(pow_rows) {
  std::vector<OpRow> rows = binary_rows(
      "pow", [](auto x) { return pow(x[0], x[1]); }, [](auto& a, auto& b) { return xt::pow(a, b); }, 0.3, 2.5);
  for (OpRow& r : rows) {
    r.inputs[0].low = 0.3;
    expect_op(r);
  }
}
BOOST_AUTO_TEST_CASE(where_rows) {
  // The mask is where the first argument is positive, so it changes nowhere near the inputs.
  const auto f = [](auto x) { return where(step(x[0]), x[1], x[2]); };
  const auto reference = [](const Arrays& x) {
    const xt::xarray<double> m = x[0].to_xarray(), a = x[1].to_xarray(), b = x[2].to_xarray();
    const xt::xarray<double> y = xt::where(m > 0.0, a, b);
    return Array<double>(y);
  };
  const auto at = [](Shape shape, Examples examples = Examples::none) {
    return Input{std::move(shape), examples, -2.0, 2.0, {0.0}};
  };
  const RowOptions options{.wrong = {{{2}, {3}, {3}}, {{3}, {2}, {3}}, {{2, 3}, {2, 3}, {2}}}, .reference = reference};
  expect_ops({
      row("where", f, {at({2, 3}), at({2, 3}), at({2, 3})}, options),
      row("where of scalars", f, {at({}), at({}), at({})}, options),
      row("where with a row and a scalar", f, {at({2, 3}), at({3}), at({})}, options),
      row("where with a wide mask", f, {at({4, 1, 3}), at({2, 1}), at({3})}, options),
      row("where of nothing", f, {at({0, 3}), at({3}), at({})}, options),
      row("where for examples", f, {at({3, 4}, axis0), at({3, 4}, axis0), at({4})}, options),
      row("where with one mask for all examples", f, {at({4}), at({3, 4}, axis0), at({3, 4}, axis0)}, options),
      row("where with one mask for each example, without the mark", f, {at({3, 1}), at({3, 4}, axis0), at({})},
          {.reference = reference, .mixes = true}),
      row("masked_fill", [](auto x) { return masked_fill(x[0], step(x[1]), -1.5); }, {at({3, 2, 4}, axis0), at({2, 4})},
          {.wrong = {{{3}, {2}}}}),
  });
}
BOOST_AUTO_TEST_CASE(what_is_masked_does_not_spoil_derivatives) {
  const double inf = std::numeric_limits<double>::infinity();
  Tape<double> tape;
  const Var<double> x = tape.variable(Array<double>::from({3}, {4.0, 0.0, 1.0}));
  const Var<double> mask(Array<double>::from({3}, {0.0, 1.0, 0.0}));
  const Var<double> y = where(mask, Var<double>(Array<double>::scalar(0)), log(x));
  const Var<double> ones(Array<double>::ones({3}));
  BOOST_TEST(pullback<double>(y, ones, {x})[0].value()[0] == 0.25);
  BOOST_TEST(y.value()[1] == 0.0);
  const Var<double> filled = masked_fill(x, mask, -inf);
  BOOST_TEST(filled.value()[1] == -inf);
  BOOST_TEST(pullback<double>(filled, ones, {x})[0].value()[1] == 0.0);
}
BOOST_AUTO_TEST_CASE(clamp_rows) {
  const std::vector<Input> x = {{{3, 5}, axis0, -2, 2, {-0.5, 1.0}}};
  const double inf = std::numeric_limits<double>::infinity();
  expect_ops({
      row("clamp", [](auto v) { return clamp(v[0], -0.5, 1.0); }, x,
          {.reference = [](const Arrays& v) { return Array<double>(xt::clip(v[0].xt(), -0.5, 1.0)); }}),
      row("clamp from below", [inf](auto v) { return clamp(v[0], -0.5, inf); }, x,
          {.reference = [](const Arrays& v) { return Array<double>(xt::maximum(v[0].xt(), -0.5)); }}),
      row("clamp between arrays", [](auto v) { return clamp(v[0], v[1], v[2]); },
          {{{3, 4}, axis0}, {{4}, Examples::none, -1.0, -0.5}, {{}, Examples::none, 0.5, 1.0}},
          {.wrong = {{{3}, {2}, {}}}}),
  });
  // Slope 1 at both ends, and the upper bound wins.
  Tape<double> tape;
  const Var<double> ends = tape.variable(Array<double>::from({2}, {-0.5, 1.0}));
  const Array<double> slope =
      pullback<double>(clamp(ends, -0.5, 1.0), Var<double>(Array<double>::ones({2})), {ends})[0].value();
  BOOST_TEST(slope[0] == 1.0);
  BOOST_TEST(slope[1] == 1.0);
  BOOST_TEST(clamp(ends, 3.0, 2.0).value()[0] == 2.0);
}
// As PyTorch's maximum and minimum have it: both get half, unless the first is to get all.
BOOST_AUTO_TEST_CASE(equal_arguments_share_the_derivative) {
  const double inf = std::numeric_limits<double>::infinity();
  Tape<double> tape;
  const Var<double> a = tape.variable(Array<double>::from({5}, {1.0, 2.0, 3.0, inf, -inf}));
  const Var<double> b = tape.variable(Array<double>::from({5}, {1.0, 3.0, 2.0, inf, -inf}));
  const auto slopes = [&](const Var<double>& y, std::vector<double> in_a) {
    const auto g = pullback<double>(y, Var<double>(Array<double>::ones({5})), {a, b});
    const Var<double> of[] = {y}, at[] = {a, b}, along[] = {Var<double>(Array<double>::ones({5})), Var<double>()};
    const auto tangent = pushforward<double>(of, at, along);
    for (std::size_t i = 0; i < 5; ++i) {
      BOOST_TEST(g[0].value()[i] == in_a[i]);
      BOOST_TEST(g[1].value()[i] == 1 - in_a[i]);
      BOOST_TEST(tangent[0].value()[i] == in_a[i]);
    }
  };
  slopes(maximum(a, b), {0.5, 0, 1, 0.5, 0.5});
  slopes(minimum(a, b), {0.5, 1, 0, 0.5, 0.5});
  slopes(maximum(a, b, Ties::first), {1, 0, 1, 1, 1});
  slopes(minimum(a, b, Ties::first), {1, 1, 0, 1, 1});
}
// As in PyTorch and NumPy, so that a value that is no number any more is not taken for a bound.
BOOST_AUTO_TEST_CASE(what_is_no_number_stays) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto seen = [](const auto& y) {
    std::string out;
    for (std::size_t i = 0; i < y.size(); ++i) out += std::isnan(y.value()[i]) ? 'n' : '1';
    return out;
  };
  const auto check = [&](auto zero) {
    using T = decltype(zero);
    // More than a register holds, so that both the loop and its rest are seen.
    std::vector<T> x(37, T(1)), y(37, T(1));
    for (const std::size_t i : {0, 5, 36}) x[i] = static_cast<T>(nan);
    for (const std::size_t i : {3, 35}) y[i] = static_cast<T>(nan);
    std::string expected(37, '1'), of_x(37, '1');
    for (const std::size_t i : {0, 3, 5, 35, 36}) expected[i] = 'n';
    for (const std::size_t i : {0, 5, 36}) of_x[i] = 'n';
    const Var<T> a(Array<T>::from({37}, x)), b(Array<T>::from({37}, y));
    BOOST_TEST(seen(maximum(a, b)) == expected);
    BOOST_TEST(seen(maximum(b, a)) == expected);
    BOOST_TEST(seen(minimum(a, b)) == expected);
    BOOST_TEST(seen(minimum(b, a)) == expected);
    BOOST_TEST(seen(clamp(a, Var<T>(Array<T>::scalar(0)), Var<T>(Array<T>::scalar(2)))) == of_x);
  };
  check(0.0);
  check(0.0F);
}

BOOST_AUTO_TEST_CASE(powers_at_zero) {
  // What PyTorch says of 0^0, 0^1 and 0^2.5.
  Tape<double> tape;
  const Var<double> base = tape.variable(Array<double>::zeros({3}));
  const Var<double> exponent = tape.variable(Array<double>::from({3}, {0.0, 1.0, 2.5}));
  const auto bars = pullback<double>(pow(base, exponent), Var<double>(Array<double>::ones({3})), {base, exponent});
  const Array<double> in_base = bars[0].value(), in_exponent = bars[1].value();
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(in_base[i] == (i == 1 ? 1.0 : 0.0));
    BOOST_TEST(in_exponent[i] == 0.0);
  }
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
