#include "autodiff/ops/reduction.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "autodiff/ops/arithmetic.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;
using Values = std::vector<double>;
using Fold = double (*)(const Values&);

double total(const Values& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
double average(const Values& v) { return total(v) / static_cast<double>(v.size()); }
double largest(const Values& v) { return *std::max_element(v.begin(), v.end()); }
double smallest(const Values& v) { return *std::min_element(v.begin(), v.end()); }
double squared_distances(const Values& v) {
  double sum = 0;
  for (const double x : v) sum += (x - average(v)) * (x - average(v));
  return sum;
}
double biased(const Values& v) { return squared_distances(v) / static_cast<double>(v.size()); }
double unbiased(const Values& v) { return squared_distances(v) / static_cast<double>(v.size() - 1); }
double log_total_exp(const Values& v) {
  double sum = 0;
  for (const double x : v) sum += std::exp(x);
  return std::log(sum);
}

// For each element of x, the element of the result to which it contributes, found by its indices.
std::vector<std::size_t> targets(const Shape& shape, const std::vector<bool>& reduced) {
  std::vector<std::size_t> out(shape.size());
  for (std::size_t flat = 0; flat < out.size(); ++flat) {
    std::size_t rest = flat, stride = 1;
    for (std::size_t a = shape.rank(); a-- > 0; rest /= shape[a])
      if (!reduced[a]) {
        out[flat] += rest % shape[a] * stride;
        stride *= shape[a];
      }
  }
  return out;
}

// Gathers the elements of each result and folds them.
Array<double> reduce(const Array<double>& x, const std::vector<bool>& reduced, bool keepdims, Fold fold) {
  Shape shape;
  for (std::size_t a = 0; a < x.rank(); ++a) {
    if (!reduced[a]) shape.push_back(x.shape()[a]);
    if (reduced[a] && keepdims) shape.push_back(1);
  }
  std::vector<Values> groups(shape.size());
  const std::vector<std::size_t> to = targets(x.shape(), reduced);
  for (std::size_t i = 0; i < to.size(); ++i) groups[to[i]].push_back(x[i]);
  Values out;
  for (const Values& group : groups) out.push_back(fold(group));
  return Array<double>::from(shape, out);
}

std::vector<bool> mask(const std::vector<long>& axes, std::size_t rank) {
  std::vector<bool> out(rank, axes.empty());
  for (const long a : axes) out[static_cast<std::size_t>(a < 0 ? a + static_cast<long>(rank) : a)] = true;
  return out;
}

struct Setting {
  Shape shape;
  Examples examples;
  std::vector<long> axes;
  bool mixes = false;
};

const std::vector<Setting> many_axes = {
    {{}, Examples::none, {}},
    {{7}, Examples::none, {}},
    {{7}, Examples::axis0, {0}, true},
    {{3, 4}, Examples::axis0, {1}},
    {{3, 4}, Examples::axis0, {-2}, true},
    {{3, 4}, Examples::axis0, {}, true},
    {{2, 3, 4}, Examples::none, {0, 2}},
    {{2, 3, 4}, Examples::axis0, {-1, 1}},
    {{2, 3, 4}, Examples::axis0, {1}},
    {{2, 3, 2, 3}, Examples::axis0, {1, 3}},
    {{2, 3, 2, 3}, Examples::none, {0, 2, 3}},
    {{2, 1, 3}, Examples::axis0, {1}},
};

const std::vector<Setting> one_axis = {
    {{19}, Examples::none, {0}},        {{3, 4}, Examples::axis0, {-1}},       {{3, 4}, Examples::axis0, {0}, true},
    {{3, 1}, Examples::axis0, {1}},     {{2, 3, 4}, Examples::axis0, {1}},     {{2, 3, 4}, Examples::none, {0}},
    {{2, 3, 4}, Examples::axis0, {-1}}, {{2, 3, 2, 2}, Examples::axis0, {-3}},
};

std::string title(const char* name, const Setting& s, bool keepdims) {
  std::string out = name + std::string(" of ") + to_string(s.shape) + " over";
  for (const long a : s.axes) out.append(" ").append(std::to_string(a));
  return out + (keepdims ? " kept" : "");
}

template <class F>
void expect_reduction(const char* name, const std::vector<Setting>& settings, F f, Fold fold) {
  for (const Setting& s : settings)
    for (const bool keepdims : {false, true}) {
      RowOptions options;
      options.wrong = {{{}}};
      if (s.axes.empty()) options.wrong.clear();
      options.reference = [s, keepdims, fold](const Arrays& x) {
        return reduce(x[0], mask(s.axes, x[0].rank()), keepdims, fold);
      };
      options.mixes = s.mixes;
      expect_op(row(
          title(name, s, keepdims), [f, s, keepdims](auto x) { return f(x[0], s.axes, keepdims); },
          {{s.shape, s.examples, -4.0, 4.0}}, options));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reduction)

BOOST_AUTO_TEST_CASE(sums_and_means) {
  expect_reduction(
      "sum", many_axes, [](const auto& x, auto axes, bool keep) { return sum(x, axes, keep); }, total);
  expect_reduction(
      "mean", many_axes, [](const auto& x, auto axes, bool keep) { return mean(x, axes, keep); }, average);
}

BOOST_AUTO_TEST_CASE(variances) {
  const auto biased_variance = [](const auto& x, auto axes, bool keep) {
    return variance(x, axes, {.keepdims = keep});
  };
  expect_reduction("variance", many_axes, biased_variance, biased);
  std::vector<Setting> two_or_more;
  for (const Setting& s : many_axes)
    if (s.shape.rank() > 0 && !(s.shape == Shape{2, 1, 3})) two_or_more.push_back(s);
  const auto unbiased_variance = [](const auto& x, auto axes, bool keep) {
    return variance(x, axes, {.unbiased = true, .keepdims = keep});
  };
  expect_reduction("unbiased variance", two_or_more, unbiased_variance, unbiased);
}

BOOST_AUTO_TEST_CASE(running_sums) {
  const auto running = [](std::size_t axis, bool reverse) {
    return [=](const Arrays& x) {
      const Shape& shape = x[0].shape();
      const std::size_t inner = shape.slice(axis + 1, shape.rank()).size(), extent = shape[axis];
      std::vector<double> out(x[0].size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t place = i / inner % extent;
        for (std::size_t j = 0; j < extent; ++j)
          if (reverse ? j >= place : j <= place) out[i] += x[0][i - place * inner + j * inner];
      }
      return Array<double>::from(shape, out);
    };
  };
  expect_ops({
      row("cumsum", [](auto x) { return cumsum(x[0], 0); }, {{{4}}}, {.wrong = {{{}}}, .reference = running(0, false)}),
      row("cumsum of examples", [](auto x) { return cumsum(x[0], 1); }, {{{3, 4, 2}, Examples::axis0}},
          {.wrong = {{{3}}}, .reference = running(1, false)}),
      row("cumsum from behind", [](auto x) { return cumsum(x[0], -1, true); }, {{{3, 5}, Examples::axis0}},
          {.reference = running(1, true)}),
      row("cumsum of nothing", [](auto x) { return cumsum(x[0], 1); }, {{{2, 0}}}),
      row("cumsum over examples", [](auto x) { return cumsum(x[0], 0); }, {{{3, 2}, Examples::axis0}}, {.mixes = true}),
  });
}

BOOST_AUTO_TEST_CASE(maxima_and_minima) {
  expect_reduction(
      "max", one_axis, [](const auto& x, auto axes, bool keep) { return max(x, axes[0], keep); }, largest);
  expect_reduction(
      "min", one_axis, [](const auto& x, auto axes, bool keep) { return min(x, axes[0], keep); }, smallest);
}

BOOST_AUTO_TEST_CASE(maxima_and_minima_over_several_axes) {
  expect_reduction(
      "amax", many_axes, [](const auto& x, auto axes, bool keep) { return amax(x, axes, keep); }, largest);
  expect_reduction(
      "amin", many_axes, [](const auto& x, auto axes, bool keep) { return amin(x, axes, keep); }, smallest);
}

// As PyTorch's amax, amin, max() and min() have it.
BOOST_AUTO_TEST_CASE(equal_extremes_over_several_axes_share_the_derivative) {
  const Array<double> values = Array<double>::from({2, 3}, {3, 0.1, 3, 3, 0.2, -1});
  for (const double sign : {1.0, -1.0}) {
    Tape<double> tape;
    const Var<double> x[] = {tape.variable(values)};
    const auto gradient = [&](const std::vector<long>& axes) {
      const Var<double> y = sign > 0 ? amax(x[0], axes) : amin(-1.0 * x[0], axes);
      for (std::size_t i = 0; i < y.size(); ++i) BOOST_TEST((y.value()[i] == sign * 3 || y.size() > 2));
      const Array<double> g = pullback<double>(y, Var<double>(Array<double>::full(y.shape(), sign)), x)[0].value();
      return Values(g.data(), g.data() + g.size());
    };
    const double third = 1.0 / 3;
    BOOST_TEST(gradient({}) == Values({third, 0, third, third, 0, 0}), boost::test_tools::per_element());
    BOOST_TEST(gradient({1}) == Values({0.5, 0, 0.5, 1, 0, 0}), boost::test_tools::per_element());
    BOOST_TEST(gradient({0}) == Values({0.5, 0, 1, 0.5, 1, 0}), boost::test_tools::per_element());
  }
  const double inf = std::numeric_limits<double>::infinity();
  const Var<double> endless(Array<double>::full({2, 2}, -inf));
  BOOST_TEST(amax(endless).value().item() == -inf);
  BOOST_CHECK_THROW(amax(Var<double>(Array<double>::ones({2, 0}))), shape_error);
  BOOST_CHECK_THROW(amin(endless, {0, 0}), shape_error);
}

BOOST_AUTO_TEST_CASE(sums_of_exponentials) {
  expect_reduction(
      "logsumexp", one_axis, [](const auto& x, auto axes, bool keep) { return logsumexp(x, axes[0], keep); },
      log_total_exp);
}

BOOST_AUTO_TEST_CASE(softmaxes) {
  for (const Setting& s : one_axis)
    for (const bool logarithm : {false, true}) {
      RowOptions options;
      options.wrong = {{{}}};
      options.mixes = s.mixes;
      options.reference = [s, logarithm](const Arrays& x) {
        const std::vector<bool> reduced = mask(s.axes, x[0].rank());
        const Array<double> log_totals = reduce(x[0], reduced, true, log_total_exp);
        const std::vector<std::size_t> to = targets(x[0].shape(), reduced);
        Values out;
        for (std::size_t i = 0; i < to.size(); ++i) {
          const double y = x[0][i] - log_totals[to[i]];
          out.push_back(logarithm ? y : std::exp(y));
        }
        return Array<double>::from(x[0].shape(), out);
      };
      const long axis = s.axes[0];
      expect_op(row(
          title(logarithm ? "log_softmax" : "softmax", s, false),
          [=](auto x) { return logarithm ? log_softmax(x[0], axis) : softmax(x[0], axis); },
          {{s.shape, s.examples, -3.0, 3.0}}, options));
    }
}

BOOST_AUTO_TEST_CASE(the_first_of_equal_elements_gets_the_derivative) {
  const auto gradient = [](bool minimum, long axis, const Shape& shape, const Values& values) {
    Tape<double> tape;
    const Var<double> x[] = {tape.variable(Array<double>::from(shape, values))};
    const Var<double> y = minimum ? min(x[0], axis) : max(x[0], axis);
    const Array<double> g = pullback<double>(y, Var<double>(Array<double>::ones(y.shape())), x)[0].value();
    return Values(g.data(), g.data() + g.size());
  };
  BOOST_TEST(gradient(false, 0, {4}, {1, 3, 3, 2}) == Values({0, 1, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(gradient(true, 0, {4}, {3, 1, 1, 2}) == Values({0, 1, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(gradient(false, 0, {3, 2}, {1, 5, 1, 6, 0, 6}) == Values({1, 0, 0, 1, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(not_a_number_wins) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t at = 0; at < 21; ++at) {
    Values values(21, 1.0);
    values[at] = nan;
    Tape<double> tape;
    const Var<double> x[] = {tape.variable(Array<double>::from({21}, values))};
    const Var<double> y = max(x[0], 0);
    BOOST_TEST(std::isnan(y.value().item()));
    BOOST_TEST(std::isnan(min(x[0], 0).value().item()));
    BOOST_TEST(pullback<double>(y, Var<double>(Array<double>::scalar(1)), x)[0].value()[at] == 1.0);
    Values columns(42, 1.0);
    columns[2 * at] = nan;
    const Array<double> both = max(Var<double>(Array<double>::from({21, 2}, columns)), 0).value();
    BOOST_TEST(std::isnan(both[0]));
    BOOST_TEST(both[1] == 1.0);
  }
}

BOOST_AUTO_TEST_CASE(large_and_infinite_logits) {
  const double inf = std::numeric_limits<double>::infinity();
  const Var<double> big(Array<double>::from({2, 3}, {1000, 1000, 1000, -1000, -1001, -5000}));
  BOOST_TEST(logsumexp(big).value()[0] == 1000 + std::log(3.0), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(logsumexp(big).value()[1] == -1000 + std::log1p(std::exp(-1.0)), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(softmax(big).value()[0] == 1.0 / 3, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(log_softmax(big).value()[5] == -4000 - std::log1p(std::exp(-1.0)), boost::test_tools::tolerance(1e-15));
  // A difference of logits far from zero is not rounded away.
  const Var<float> far(Array<float>::from({2}, {4096.0F, 4080.0F}));
  BOOST_TEST(log_softmax(far).value()[0] == -std::log1p(std::exp(-16.0F)), boost::test_tools::tolerance(1e-5F));
  const Var<double> masked(Array<double>::from({3}, {0.5, -inf, 0.5}));
  BOOST_TEST(softmax(masked).value()[1] == 0.0);
  BOOST_TEST(logsumexp(masked, 0).value().item() == 0.5 + std::log(2.0), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(std::isinf(log_softmax(masked).value()[1]));
}

BOOST_AUTO_TEST_CASE(more_elements_than_one_task) {
  Random random(3);
  const Array<double> x = random_array(random, {130, 7, 41});
  const Var<double> v(x);
  BOOST_TEST(difference(sum(v, {0, 2}).value(), reduce(x, {true, false, true}, false, total)) < 1e-12);
  BOOST_TEST(difference(max(v, 1).value(), reduce(x, {false, true, false}, false, largest)) == 0.0);
  BOOST_TEST(difference(max(v, 2).value(), reduce(x, {false, false, true}, false, largest)) == 0.0);
  BOOST_TEST(difference(logsumexp(v).value(), reduce(x, {false, false, true}, false, log_total_exp)) < 1e-13);
  BOOST_TEST(difference(sum(softmax(v), {-1}).value(), Array<double>::ones({130, 7})) < 1e-14);
}

BOOST_AUTO_TEST_CASE(long_sums_do_not_lose_digits) {
  // Sums of floats over any axes are accumulated in double. There are many terms, many results, and both in
  // alternation.
  struct {
    Shape shape;
    std::vector<long> axes;
  } const cases[] = {{{60000, 3}, {0}},       {{60000, 3}, {1}},         {{90, 3000}, {0}},
                     {{3000, 5, 20}, {0, 2}}, {{5, 300, 4, 20}, {1, 3}}, {{200000}, {}}};
  Random random(11);
  for (const auto& [shape, axes] : cases) {
    const Array<float> x = cast<float>(random_array(random, shape, 0.0, 1.0));
    const Array<double> expected = reduce(to_double(x), mask(axes, shape.rank()), false, total);
    BOOST_TEST(difference(to_double(sum(Var<float>(x), axes).value()), expected) < 1.2e-7, to_string(shape));
  }
}

BOOST_AUTO_TEST_CASE(empty_axes) {
  const Var<double> none(Array<double>(Shape{3, 0}));
  BOOST_TEST(difference(sum(none, {1}).value(), Array<double>::zeros({3})) == 0.0);
  BOOST_TEST(sum(none).value().item() == 0.0);
  BOOST_TEST((max(none, 0).shape() == Shape{0}));
  BOOST_TEST((softmax(none, 0).shape() == Shape{3, 0}));
  BOOST_CHECK_THROW(mean(none), shape_error);
  BOOST_CHECK_THROW(mean(none, {1}), shape_error);
  BOOST_CHECK_THROW(variance(none, {1}), shape_error);
  BOOST_CHECK_THROW(max(none, 1), shape_error);
  BOOST_CHECK_THROW(min(none, -1), shape_error);
  BOOST_CHECK_THROW(logsumexp(none), shape_error);
  BOOST_CHECK_THROW(softmax(none), shape_error);
  BOOST_CHECK_THROW(log_softmax(none, 1), shape_error);
}

BOOST_AUTO_TEST_CASE(wrong_axes) {
  const Var<double> x(Array<double>::ones({2, 3}));
  BOOST_CHECK_THROW(sum(x, {2}), shape_error);
  BOOST_CHECK_THROW(sum(x, {-3}), shape_error);
  BOOST_CHECK_THROW(sum(x, {1, -1}), shape_error);
  BOOST_CHECK_THROW(mean(x, {0, 0}), shape_error);
  BOOST_CHECK_THROW(max(x, 2), shape_error);
  BOOST_CHECK_THROW(softmax(x, -3), shape_error);
  BOOST_CHECK_THROW(variance(sum(x, {1}, true), {1}, {.unbiased = true}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
