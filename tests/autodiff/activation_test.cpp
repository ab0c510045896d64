#include "autodiff/ops/activation.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numbers>

#include "autodiff/kernels/simd/functions.hpp"
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
    {Function::expm1, -3, 3},
    {Function::log1p, -0.6, 4},
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
    {Function::power, 0.3, 3, {}, 2.5},
    {Function::power, 0.3, 3, {}, -1.5},
    {Function::power, -2, 2, {}, 3.0},
    {Function::power, -2, 2, {}, 1.0},
    {Function::power, -2, 2, {}, 0.0},
    {Function::reciprocal, 0.5, 3},
};

std::string name_of(const Setting& s) {
  return kernels::with_function(s.function, s.parameter, [](const auto& f) { return std::string(f.name); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(activation)

BOOST_AUTO_TEST_CASE(every_function) {
  // 19 elements are more than one vector of every instruction set, and leave a remainder.
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
  same(pow(x, 2.5), Function::power, 2.5);
  same(pow(x, 2.0), Function::square);
  same(pow(x, -1.0), Function::reciprocal);
}

BOOST_AUTO_TEST_CASE(slopes_at_kinks) {
  // The documented slopes at 0: that of the left side, and 0 for abs.
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
  BOOST_TEST(slope_at_zero(Function::power, 0) == 0.0);
  BOOST_TEST(slope_at_zero(Function::power, 1) == 1.0);
  BOOST_TEST(slope_at_zero(Function::power, 1.5) == 0.0);
}

// Where x is beyond 2^24, a number of float and that number plus 1 are one.
BOOST_AUTO_TEST_CASE(slopes_of_silu_far_out) {
  for (const float x : {20.0F, 3e7F, 1e30F, -20.0F, -3e7F}) {
    Tape<float> tape;
    const Var<float> at[] = {tape.variable(Array<float>::scalar(x))};
    const float slope = pullback<float>(silu(at[0]), Var<float>(Array<float>::scalar(1)), at)[0].value().item();
    BOOST_TEST(std::abs(slope - (x > 0 ? 1.0F : 0.0F)) < 1e-6F);
  }
}

BOOST_AUTO_TEST_CASE(functions_made_of_others) {
  const auto reference = [](auto f) {
    return [f](const std::vector<Array<double>>& x) {
      std::vector<double> out;
      for (std::size_t i = 0; i < x[0].size(); ++i) out.push_back(f(x[0][i]));
      return Array<double>::from(x[0].shape(), out);
    };
  };
  const auto inputs = [](std::vector<double> kinks) {
    return std::vector<Input>{{{3, 5}, Examples::axis0, -4, 4, std::move(kinks)}};
  };
  const auto clamp = [](double v, double low, double high) { return std::min(high, std::max(low, v)); };
  expect_ops({
      row("hardtanh", [](auto x) { return hardtanh(x[0]); }, inputs({-1, 1}),
          {.reference = reference([=](double v) { return clamp(v, -1, 1); })}),
      row("hardtanh of other bounds", [](auto x) { return hardtanh(x[0], -0.5, 2.0); }, inputs({-0.5, 2}),
          {.reference = reference([=](double v) { return clamp(v, -0.5, 2); })}),
      row("relu6", [](auto x) { return relu6(x[0] * 2.0); }, inputs({0, 3}),
          {.reference = reference([=](double v) { return clamp(2 * v, 0, 6); })}),
      row("hardsigmoid", [](auto x) { return hardsigmoid(x[0]); }, inputs({-3, 3}),
          {.reference = reference([=](double v) { return clamp(v + 3, 0, 6) / 6; })}),
      row("hardswish", [](auto x) { return hardswish(x[0]); }, inputs({-3, 3}),
          {.reference = reference([=](double v) { return v * clamp(v + 3, 0, 6) / 6; })}),
      row("selu", [](auto x) { return selu(x[0]); }, inputs({0}),
          {.reference = reference([](double v) {
             return 1.0507009873554804934193349852946 * (v > 0 ? v : 1.6732632423543772848170429916717 * std::expm1(v));
           })}),
      row("celu", [](auto x) { return celu(x[0], 0.7); }, inputs({0}),
          {.reference = reference([](double v) { return v > 0 ? v : 0.7 * std::expm1(v / 0.7); })}),
      row("mish", [](auto x) { return mish(x[0]); }, inputs({}),
          {.reference = reference([](double v) { return v * std::tanh(std::log1p(std::exp(v))); })}),
      row("softsign", [](auto x) { return softsign(x[0]); }, inputs({0}),
          {.reference = reference([](double v) { return v / (1 + std::abs(v)); })}),
      row("log_sigmoid", [](auto x) { return log_sigmoid(x[0]); }, inputs({}),
          {.reference = reference([](double v) { return -std::log1p(std::exp(-v)); })}),
      row("gelu_tanh", [](auto x) { return gelu_tanh(x[0]); }, inputs({}),
          {.reference = reference([](double v) {
             return 0.5 * v * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v)));
           })}),
  });
}

BOOST_AUTO_TEST_CASE(a_function_of_a_function) {
  expect_op(row("tanh(sin) * exp(-square)", [](auto x) { return tanh(sin(x[0])) * exp(-square(x[0])); },
                {{{3, 4}, Examples::axis0, -2, 2}}));
  expect_op(row("scalars on both sides",
                [](auto x) { return 1.0 / (2.0 + square(x[0])) - (3.0 - x[0]) * 0.5 + x[0] / 4.0 - 1.0; },
                {{{3, 4}, Examples::axis0, -2, 2}}));
}

// Where 1 + x rounds to 1, log(1 + x) and exp(x) - 1 would be 0.
BOOST_AUTO_TEST_CASE(small_arguments_keep_all_digits) {
  for (const double tiny : {1e-20, -1e-20, 3e-9, 1e-300}) {
    Tape<double> tape;
    const Var<double> x = tape.variable(Array<double>::from({9}, std::vector<double>(9, tiny)));  // more than a batch
    for (const bool logarithm : {true, false}) {
      const Var<double> y = logarithm ? log1p(x) : expm1(x);
      const double expected = logarithm ? std::log1p(tiny) : std::expm1(tiny);
      const Array<double> slope = pullback<double>(y, Var<double>(Array<double>::ones({9})), {x})[0].value();
      const double slope_expected = logarithm ? 1 / (1 + tiny) : std::exp(tiny);
      for (std::size_t i = 0; i < 9; ++i) {
        BOOST_TEST(std::abs(y.value()[i] - expected) <= 4e-16 * std::abs(expected));
        BOOST_TEST(std::abs(slope[i] - slope_expected) <= 4e-16);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
