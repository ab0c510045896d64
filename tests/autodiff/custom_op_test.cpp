// An op that a user defines in about ten lines of user code works in every mode.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/derivatives.hpp"
#include "autodiff/factor.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// a * log(1 + b^2), elementwise, without vector mode.
template <class T>
struct ScaledCauchy : Op<T> {
  std::string name() const override { return "scaled_cauchy"; }
  Spec infer(std::span<const Spec> x) const override {
    if (!(x[0].shape == x[1].shape)) throw shape_error("[scaled_cauchy] shapes differ.");
    return {x[0].shape, elementwise_examples(x, x[0].shape)};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    return Array<T>(x[0].xt() * xt::log1p(xt::square(x[1].xt())));
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    Var<T> dy;
    if (dx[0].defined()) accumulate(dy, dx[0] * log(1.0 + square(x[1])));
    if (dx[1].defined()) accumulate(dy, dx[1] * x[0] * 2.0 * x[1] / (1.0 + square(x[1])));
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {ybar * log(1.0 + square(x[1])), ybar * x[0] * 2.0 * x[1] / (1.0 + square(x[1]))};
  }
};

template <class T>
Var<T> scaled_cauchy(const Var<T>& a, const Var<T>& b) {
  return apply_op(ScaledCauchy<T>(), a, b);
}

// A bias that is added by an op without a factor rule, so per-example gradients fall back to dense ones.
template <class T>
struct ShiftRows : Op<T> {
  std::string name() const override { return "shift_rows"; }
  Spec infer(std::span<const Spec> x) const override {
    if (x[0].shape.rank() != 2 || !(x[1].shape == Shape{x[0].shape[1]})) throw shape_error("[shift_rows] shapes.");
    return {x[0].shape, x[1].examples == Examples::none ? x[0].examples : Examples::mixed};
  }
  Array<T> eval(std::span<const Array<T>> x) const override { return Array<T>(x[0].xt() + x[1].xt()); }
  Var<T> jvp(Vars<T>, const Var<T>& y, Vars<T> dx) const override {
    if (!dx[1].defined()) return dx[0];
    return dx[1] + (dx[0].defined() ? dx[0] : zeros_like(y));
  }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& ybar, const Wanted& wanted) const override {
    return {ybar, wanted[1] ? sum(ybar, {0}) : Var<T>()};
  }
};

// Rules that return something of a wrong shape or number.
struct Wrong : Op<double> {
  int kind;
  explicit Wrong(int k) : kind(k) {}
  std::string name() const override { return "wrong"; }
  Spec infer(std::span<const Spec> x) const override { return x[0]; }
  Array<double> eval(std::span<const Array<double>> x) const override {
    return kind == 0 ? Array<double>::ones({7}) : x[0];
  }
  Var<double> jvp(Vars<double>, const Var<double>&, Vars<double>) const override {
    return Var<double>(Array<double>::ones({7}));
  }
  std::vector<Var<double>> vjp(Vars<double>, const Var<double>&, const Var<double>& ybar,
                               const Wanted&) const override {
    if (kind == 1) return {ybar, ybar};
    return {Var<double>(Array<double>::ones({7}))};
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(custom_op)

BOOST_AUTO_TEST_CASE(every_property) {
  expect_ops({
      row("scaled_cauchy", [](auto x) { return scaled_cauchy(x[0], x[1]); },
          {{{3, 4}, Examples::axis0}, {{3, 4}, Examples::axis0}}, {.wrong = {{{2, 3}, {3}}}}),
      row("scaled_cauchy of a scalar", [](auto x) { return scaled_cauchy(x[0], x[1]); }, {{{}}, {{}}}),
      row("between other ops", [](auto x) { return tanh(scaled_cauchy(linear(x[0], x[1]), x[0])); },
          {{{3, 2}, Examples::axis0}, {{2, 2}}}),
      row("shift_rows",
          [](auto x) { return apply_op(ShiftRows<std::decay_t<decltype(x[0].value()[0])>>(), x[0], x[1]); },
          {{{3, 4}, Examples::axis0}, {{4}}}),
  });
}

BOOST_AUTO_TEST_CASE(derivatives_of_it) {
  const Array<double> a = Array<double>::from({2}, {0.5, -1}), b = Array<double>::from({2}, {0.3, 2});
  const auto f = [](auto v) { return scaled_cauchy(v[0], v[1]); };
  const std::vector<Array<double>> x = {a, b};
  BOOST_TEST(check_gradients(f, x).worst() < 1e-9);
  const auto rows = jacobian_reverse(f, x), columns = jacobian_forward(f, x);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(difference(rows[i], columns[i]) < 1e-15);
    BOOST_TEST(rows[i][1] == 0.0);
  }
  BOOST_TEST(rows[0][0] == std::log(1.09), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(rows[1][3] == -4.0 / 5.0, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(rules_that_do_not_fit_are_named) {
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(Array<double>::ones({3}))};
  const Var<double> ybar(Array<double>::ones({3}));
  const auto names_it = [](const rule_error& e) { return std::string(e.what()).starts_with("[wrong]"); };
  BOOST_CHECK_EXCEPTION(apply_op(Wrong(0), x[0]), rule_error, names_it);
  BOOST_TEST(tape.size() == 1u);
  for (const int kind : {1, 2}) {
    const Var<double> y[] = {apply_op(Wrong(kind), x[0])};
    BOOST_CHECK_EXCEPTION(pullback<double>(y[0], ybar, x), rule_error, names_it);
    const Var<double> dx[] = {ybar};
    BOOST_CHECK_EXCEPTION(pushforward<double>(y, x, dx), rule_error, names_it);
    BOOST_CHECK_EXCEPTION(push_streaming<double>([&](Vars<double> v) { return apply_op(Wrong(kind), v[0]); }, dx, dx),
                          rule_error, names_it);
  }
  BOOST_CHECK_THROW(exp(Var<double>()), rule_error);
}

BOOST_AUTO_TEST_SUITE_END()
