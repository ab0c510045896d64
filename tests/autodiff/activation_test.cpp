#include "autodiff/ops/activation.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
using kernels::Function;

namespace {

struct Setting {
  Function function;
  double low, high;
  std::vector<double> kinks = {};
  double parameter = 0.0;
};

const std::vector<Setting> settings = {
    {Function::exp, -3, 3},
    {Function::log, 0.3, 5},
    {Function::sqrt, 0.3, 5},
    {Function::sin, -5, 5},
    {Function::cos, -5, 5},
    {Function::tanh, -3, 3},
    {Function::sigmoid, -5, 5},
    {Function::relu, -2, 2, {0}},
    {Function::leaky_relu, -2, 2, {0}, 0.01},
    {Function::leaky_relu, -2, 2, {0}, 0.3},
    {Function::gelu, -3, 3},
    {Function::silu, -4, 4},
    {Function::softplus, -5, 5},
    {Function::elu, -3, 3, {0}, 1.0},
    {Function::elu, -3, 3, {0}, 0.4},
    {Function::erf, -2, 2},
    {Function::erfc, -2, 2},
    {Function::abs, -2, 2, {0}},
    {Function::sign, -2, 2, {0}},
    {Function::step, -2, 2, {0}},
    {Function::square, -2, 2},
    {Function::reciprocal, 0.5, 3},
};

std::string name_of(const Setting& s) {
  return kernels::with_function(s.function, s.parameter, [](const auto& f) { return std::string(f.name); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(activation)

BOOST_AUTO_TEST_CASE(every_function) {
  // 19 elements: more than one vector of every instruction set, and a rest.
  const std::pair<Shape, Examples> shapes[] = {
      {{}, Examples::none}, {{19}, Examples::none}, {{0, 3}, Examples::none}, {{3, 5}, Examples::axis0}};
  for (const Setting& s : settings)
    for (const auto& [shape, examples] : shapes)
      expect_op(row(name_of(s) + " " + to_string(shape),
                    [s](auto x) { return elementwise(s.function, x[0], s.parameter); },
                    {{shape, examples, s.low, s.high, s.kinks}}));
}

BOOST_AUTO_TEST_CASE(named_functions_are_the_functions_of_the_table) {
  const Var<double> x(Array<double>::from({3}, {0.3, 0.9, 1.4}));
  const auto same = [&](const Var<double>& y, Function function, double parameter = 0.0) {
    BOOST_TEST(same_bits(y.value(), elementwise(function, x, parameter).value()));
  };
  same(exp(x), Function::exp);
  same(log(x), Function::log);
  same(sqrt(x), Function::sqrt);
  same(sin(x), Function::sin);
  same(cos(x), Function::cos);
  same(tanh(x), Function::tanh);
  same(sigmoid(x), Function::sigmoid);
  same(relu(x), Function::relu);
  same(leaky_relu(x, 0.2), Function::leaky_relu, 0.2);
  same(gelu(x), Function::gelu);
  same(silu(x), Function::silu);
  same(softplus(x), Function::softplus);
  same(elu(x), Function::elu, 1.0);
  same(erf(x), Function::erf);
  same(erfc(x), Function::erfc);
  same(abs(x), Function::abs);
  same(sign(x), Function::sign);
  same(step(x), Function::step);
  same(square(x), Function::square);
  same(reciprocal(x), Function::reciprocal);
}

BOOST_AUTO_TEST_CASE(slopes_at_kinks) {
  // The documented choice: the left side's slope at 0, and 0 for abs.
  const auto slope_at_zero = [](Function function, double parameter) {
    Tape<double> tape;
    const Var<double> x[] = {tape.variable(Array<double>::scalar(0))};
    const Var<double> y = elementwise(function, x[0], parameter);
    return pullback<double>(y, Var<double>(Array<double>::scalar(1)), x)[0].value().item();
  };
  BOOST_TEST(slope_at_zero(Function::relu, 0) == 0.0);
  BOOST_TEST(slope_at_zero(Function::leaky_relu, 0.3) == 0.3);
  BOOST_TEST(slope_at_zero(Function::elu, 1) == 1.0);
  BOOST_TEST(slope_at_zero(Function::elu, 0.4) == 0.4);
  BOOST_TEST(slope_at_zero(Function::abs, 0) == 0.0);
  BOOST_TEST(slope_at_zero(Function::sign, 0) == 0.0);
  BOOST_TEST(slope_at_zero(Function::step, 0) == 0.0);
}

BOOST_AUTO_TEST_CASE(a_function_of_a_function) {
  expect_op(row("tanh(sin) * exp(-square)", [](auto x) { return tanh(sin(x[0])) * exp(-square(x[0])); },
                {{{3, 4}, Examples::axis0, -2, 2}}));
  expect_op(row("scalars on both sides",
                [](auto x) { return 1.0 / (2.0 + square(x[0])) - (3.0 - x[0]) * 0.5 + x[0] / 4.0 - 1.0; },
                {{{3, 4}, Examples::axis0, -2, 2}}));
}

BOOST_AUTO_TEST_SUITE_END()
