// Norms of every order, against their definition, and their derivatives at 0.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "autodiff/ops/reduction.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr double inf = std::numeric_limits<double>::infinity();

double norm_of(const double* x, std::size_t n, double p) {
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (p == 0)
      total += x[i] != 0;
    else if (std::isinf(p))
      total = std::max(total, std::abs(x[i]));
    else
      total += std::pow(std::abs(x[i]), p);
  }
  return p == 0 || std::isinf(p) ? total : std::pow(total, 1 / p);
}

// The norms of `count` equal parts of x, one after the other.
Array<double> norms(const Array<double>& x, std::size_t count, const Shape& shape, double p) {
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(norm_of(x.data() + i * x.size() / count, x.size() / count, p));
  return Array<double>::from(shape, out);
}

Array<double> slope_of(const Array<double>& at, const std::vector<long>& axes, double p) {
  Tape<double> tape;
  const Var<double> x = tape.variable(at), y = ::xtangent::norm(x, axes, {.p = p});
  const Var<double> slope = pullback<double>(y, Var<double>(Array<double>::ones(y.shape())), {x})[0];
  return slope.defined() ? slope.value() : Array<double>::zeros(at.shape());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(norm)

BOOST_AUTO_TEST_CASE(every_order) {
  for (const double p : {0.0, 0.5, 1.0, 1.5, 2.0, 3.0, inf}) {
    const std::string name = "norm of order " + std::to_string(p);
    const Input x{{3, 2, 2}, Examples::axis0, 0.3, 2.0};
    expect_ops({
        row(name, [p](auto v) { return ::xtangent::norm(v[0], {}, {.p = p}); },
            {{{2, 3}, Examples::none, -2.0, 2.0, {0.0}}},
            {.reference = [=](const Arrays& v) { return norms(v[0], 1, {}, p); }}),
        row(name + " of rows",
            [p](auto v) {
              return ::xtangent::norm(v[0], {1, -1}, {.p = p, .keepdims = true});
            },
            {x},
            {.wrong = {{{3}}},
             .reference =
                 [=](const Arrays& v) {
                   return norms(v[0], v[0].shape()[0], {v[0].shape()[0], 1, 1}, p);
                 }}),
        row(name + " over examples", [p](auto v) { return ::xtangent::norm(v[0], {0}, {.p = p}); }, {x},
            {.mixes = true}),
    });
  }
}

BOOST_AUTO_TEST_CASE(elements_that_are_zero_have_no_derivative) {
  for (const double p : {0.0, 0.5, 1.0, 1.5, 2.0, 3.0, inf}) BOOST_TEST_CONTEXT("order " << p) {
      const Array<double> slope = slope_of(Array<double>::from({2, 2}, {0, 0, 0, -2}), {1}, p);
      for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(slope[i] == 0.0);
      BOOST_TEST(std::abs(slope[3] - (p == 0 ? 0.0 : -1.0)) < 1e-15);
    }
  const Array<double> slope = slope_of(Array<double>::from({1, 2}, {3, 4}), {1}, 2.0);
  BOOST_TEST(std::abs(slope[0] - 0.6) < 1e-15);
}

BOOST_AUTO_TEST_CASE(equal_largest_elements_share_the_derivative) {
  const Array<double> slope = slope_of(Array<double>::from({4}, {3, -3, 1, 3}), {}, inf);
  BOOST_TEST(std::abs(slope[0] - 1.0 / 3) < 1e-15);
  BOOST_TEST(std::abs(slope[1] + 1.0 / 3) < 1e-15);
  BOOST_TEST(slope[2] == 0.0);
  BOOST_TEST(::xtangent::norm(Var<double>(Array<double>::full({3}, -0.1)), {}, {.p = inf}).value().item() == 0.1);
}

BOOST_AUTO_TEST_CASE(not_a_number_and_no_elements) {
  const Var<double> bad(Array<double>::from({3}, {1, std::nan(""), 5})), none(Array<double>::ones({2, 0}));
  for (const double p : {0.5, 1.0, 2.0, 3.0, inf})
    BOOST_TEST(std::isnan(::xtangent::norm(bad, {}, {.p = p}).value().item()), "order " << p);
  for (const double p : {0.0, 0.5, 1.0, 2.0, 3.0})
    BOOST_TEST(::xtangent::norm(none, {}, {.p = p}).value().item() == 0.0);
  const Var<double> endless(Array<double>::from({2}, {-inf, 1}));
  BOOST_TEST(::xtangent::norm(endless, {}, {.p = inf}).value().item() == inf);
}

BOOST_AUTO_TEST_CASE(impossible_orders) {
  const auto refused = [](double p, const Shape& shape, const char* part) {
    const std::string text =
        message_of<shape_error>([&] { ::xtangent::norm(Var<double>(Array<double>::ones(shape)), {}, {.p = p}); });
    BOOST_TEST_CONTEXT(text) BOOST_TEST(has(text, part));
  };
  refused(-1.0, {2}, "[norm] p = -1");
  refused(std::nan(""), {2}, "It must be at least 0, and may be infinity.");
  refused(inf, {2, 0}, "[norm] nothing to reduce");
}

BOOST_AUTO_TEST_SUITE_END()
