// Compares flows of any loss, with and without momentum, with closed forms, small steps, and descent of linearized
// networks.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "autodiff/derivatives.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/dynamics.hpp"
#include "ntk/kernel.hpp"
#include "ntk/linearize.hpp"
#include "ntk/regression.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 undefined = std::numeric_limits<double>::quiet_NaN();

struct Problem {
  Array<double> k, y, labels, f0;
  std::size_t n = 6, o = 3;
  explicit Problem(bool full) : k(positive_matrix(full ? 18 : 6, 0.05)) {
    Random random("setting");
    y = random_array(random, {n, o});
    f0 = random_array(random, {n, o});
    labels = Array<double>::zeros({n, o});
    for (std::size_t i = 0; i < n; ++i) labels.mutable_data()[i * o + i % o] = 1;
  }
  ntk::LossDynamics with(const ntk::LossGradient& gradient) const { return {ntk::linear_map(k), f0, gradient}; }
};

// The outputs after `steps` steps of descent with momentum, v <- momentum v + grad.
Array<double> descended(const Problem& p, const ntk::LossGradient& gradient, double rate, double momentum,
                        std::size_t steps) {
  Array<double> f = p.f0, v = Array<double>::zeros(p.f0.shape());
  const std::size_t order = p.k.shape()[0];
  for (std::size_t i = 0; i < steps; ++i) {
    v = plus(gradient(f), v, momentum);
    f = plus(f, product(p.k, v.reshaped({order, v.size() / order})).reshaped(f.shape()), -rate);
  }
  return f;
}

// Parameters after descent on a loss of the outputs.
nn::Parameters<double> trained(const nn::ModuleBase& net, nn::Parameters<double> params, const Array<double>& x,
                               const ntk::LossGradient& gradient, double rate, double momentum, std::size_t steps) {
  Array<double> velocity = Array<double>::zeros(params.flat().shape());
  for (std::size_t i = 0; i < steps; ++i) {
    Tape<double> tape;
    const auto run = net.record(tape, params, x);
    const auto bars = pullback<double>(run.output, Var<double>(gradient(run.output.value())), run.parameters);
    Array<double> step({params.size()});
    std::size_t at = 0;
    for (const Var<double>& bar : bars)
      for (std::size_t j = 0; j < bar.size(); ++j) step.mutable_data()[at++] = bar.value()[j];
    velocity = plus(step, velocity, momentum);
    params.set_flat(plus(params.flat(), velocity, -rate));
  }
  return params;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(loss_dynamics)

BOOST_AUTO_TEST_CASE(squared_error_agrees_with_its_closed_form) {
  const std::vector<double> times = {0, 0.01, 0.01, 0.5, 3, 40};
  for (const bool full : {false, true}) {
    const Problem p(full);
    for (const auto loss : {ntk::SquaredError::half_sum, ntk::SquaredError::sum, ntk::SquaredError::mean}) {
      const ntk::Dynamics closed(p.k, p.y, p.f0, loss);
      const ntk::LossDynamics d = p.with(ntk::squared_error_gradient(p.y, loss));
      double before = infinity;
      for (const double tolerance : {1e-4, 1e-7, 1e-10}) {
        const auto states = d.states_at_times(times, {.tolerance = tolerance});
        double off = 0;
        for (std::size_t i = 0; i < times.size(); ++i) {
          off = std::max(off, difference(states[i].outputs, closed.outputs_at_time(times[i])));
          off = std::max(off, difference(ntk::predict(p.k, states[i].weights, p.f0), states[i].outputs) * 1e-3);
          const Array<double> weights = closed.weights_at_time(times[i]);
          BOOST_TEST(std::sqrt(inner(plus(states[i].weights, weights, -1), plus(states[i].weights, weights, -1))) <=
                     300 * tolerance * std::sqrt(inner(weights, weights)));
        }
        BOOST_TEST(off < 30 * tolerance);
        BOOST_TEST(off < before);
        before = off;
      }
      BOOST_TEST(same_bits(d.states_at_times(times)[0].outputs, p.f0));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_training_is_regression) {
  for (const std::optional<double> friction : {std::optional<double>{}, std::optional<double>{0.5}}) {
    const Problem p(false);
    const auto states = p.with(ntk::squared_error_gradient(p.y)).states_at_times({1000, 2000}, {.friction = friction});
    for (const auto& state : states) {
      BOOST_TEST(difference(state.outputs, p.y) < 1e-6);
      BOOST_TEST(relative_error(state.weights, ntk::Regression(p.k).weights(p.y, p.f0)) < 1e-5);
    }
  }
}

// One output with one eigenvalue is a damped oscillator, whose motion is known.
BOOST_AUTO_TEST_CASE(momentum_is_a_damped_oscillation) {
  const double lambda = 4, gap = -1.5;
  const Array<double> k = Array<double>::from({1, 1}, {lambda}), f0 = Array<double>::from({1, 1}, {gap}),
                      y = Array<double>::zeros({1, 1});
  const ntk::LossDynamics d(ntk::linear_map(k), f0, ntk::squared_error_gradient(y));
  std::vector<double> times;
  for (int i = 0; i <= 60; ++i) times.push_back(0.25 * i);
  for (const double friction : {0.0, 0.3, 2.0}) {
    const double omega = std::sqrt(lambda - friction * friction / 4);
    const auto states = d.states_at_times(times, {.tolerance = 1e-10, .friction = friction});
    for (std::size_t i = 0; i < times.size(); ++i) {
      const double t = times[i], decay = std::exp(-friction * t / 2);
      const double exact = gap * decay * (std::cos(omega * t) + friction / (2 * omega) * std::sin(omega * t));
      BOOST_TEST(std::abs(states[i].outputs[0] - exact) < 1e-7);
      BOOST_TEST(std::abs(states[i].weights[0] - (exact - gap) / lambda) < 1e-7);
    }
  }
}

BOOST_AUTO_TEST_CASE(momentum_is_the_limit_of_small_steps) {
  for (const bool full : {false, true}) {
    const Problem p(full);
    const double friction = 0.8, end = 2;
    for (const auto& gradient : {ntk::squared_error_gradient(p.y), ntk::cross_entropy_gradient(p.labels)}) {
      const ntk::LossDynamics d = p.with(gradient);
      const auto state = d.states_at_times({end}, {.friction = friction}).front();
      std::vector<double> errors;
      for (const std::size_t steps : {1000, 4000}) {
        const double step = end / static_cast<double>(steps), rate = step * step, momentum = 1 - friction * step;
        const Array<double> expected = descended(p, gradient, rate, momentum, steps);
        BOOST_TEST(difference(ntk::predict(p.k, d.weights_at_step(rate, steps, momentum), p.f0), expected) < 1e-10);
        errors.push_back(difference(state.outputs, expected));
      }
      BOOST_TEST(errors[1] < 1e-2);
      BOOST_TEST(errors[1] < 0.3 * errors[0]);  // an error of first order
      // Without momentum it is another motion.
      BOOST_TEST(difference(state.outputs, d.states_at_times({end}).front().outputs) > 0.05);
    }
  }
}

BOOST_AUTO_TEST_CASE(linearized_networks_that_are_trained_follow) {
  const nn::AnyModule net = nn::mlp({3, 8, 2}, nn::Tanh());
  const auto params = net->init<double>(2);
  Random random("follow");
  const Array<double> x = random_array(random, {5, 3}), x_new = random_array(random, {3, 3});
  Array<double> labels = Array<double>::zeros({5, 2});
  for (std::size_t i = 0; i < 5; ++i) labels.mutable_data()[i * 2 + i % 2] = 1;
  const nn::AnyModule line = ntk::linearize(net, params);
  const Array<double> k = ntk::entk(*net, params, x), k_new = ntk::entk(*net, params, x_new, x), f0 = (*net)(params, x),
                      f0_new = (*net)(params, x_new);
  const auto gradient = ntk::cross_entropy_gradient(labels, Reduction::sum);
  const ntk::LossDynamics d(ntk::linear_map(k), f0, gradient);
  const double end = 1.5;
  for (const double momentum : {0.0, 0.9}) {  // step by step, to rounding
    const auto theta = trained(*line, params, x, gradient, 0.01, momentum, 50);
    const Array<double> weights = d.weights_at_step(0.01, 50, momentum);
    BOOST_TEST(difference(ntk::predict(k, weights, f0), (*line)(theta, x)) < 1e-12);
    BOOST_TEST(difference(ntk::predict(k_new, weights, f0_new), (*line)(theta, x_new)) < 1e-12);
  }
  for (const std::optional<double> friction : {std::optional<double>{}, std::optional<double>{0.7}}) {
    const auto state = d.states_at_times({end}, {.friction = friction}).front();
    const Array<double> there = ntk::predict(k_new, state.weights, f0_new);
    BOOST_TEST(difference(there, f0_new) > 0.1);
    std::vector<double> errors;
    for (const std::size_t steps : {200, 800}) {
      const double step = end / static_cast<double>(steps), rate = friction ? step * step : step;
      const auto theta = trained(*line, params, x, gradient, rate, friction ? 1 - *friction * step : 0, steps);
      errors.push_back(
          std::max(difference(state.outputs, (*line)(theta, x)), difference(there, (*line)(theta, x_new))));
    }
    BOOST_TEST(errors[1] < 0.01);
    BOOST_TEST(errors[1] < 0.3 * errors[0]);
  }
}

BOOST_AUTO_TEST_CASE(descents_are_read_at_many_steps) {
  const std::vector<std::size_t> steps = {0, 1, 1, 7, 40};
  for (const bool full : {false, true}) {
    const Problem p(full);
    const ntk::Dynamics closed(p.k, p.y, p.f0, ntk::SquaredError::mean);
    const double rate = 0.7 * closed.maximal_learning_rate();
    const auto squares = p.with(ntk::squared_error_gradient(p.y, ntk::SquaredError::mean)).states_at_steps(rate, steps);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      BOOST_TEST(difference(squares[i].outputs, closed.outputs_at_step(rate, steps[i])) < 1e-10);
      BOOST_TEST(difference(squares[i].weights, closed.weights_at_step(rate, steps[i])) < 1e-10);
    }
    const auto gradient = ntk::cross_entropy_gradient(p.labels);
    const auto states = p.with(gradient).states_at_steps(0.3, steps, 0.9);
    BOOST_TEST(states.size() == steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      BOOST_TEST(difference(states[i].outputs, descended(p, gradient, 0.3, 0.9, steps[i])) < 1e-10);
      BOOST_TEST(difference(ntk::predict(p.k, states[i].weights, p.f0), states[i].outputs) < 1e-10);
    }
    BOOST_TEST(difference(states[4].outputs, states[3].outputs) > 0.01);
    BOOST_TEST(p.with(gradient).states_at_steps(0.3, {}).empty());
  }
}

// A loss on Vars. Its flow is followed by small steps.
BOOST_AUTO_TEST_CASE(losses_of_the_users) {
  const Problem p(true);
  const auto loss = [&](const Var<double>& f) {
    const Var<double> rest = f - Var<double>(p.y);
    return sum(sqrt(rest * rest + 0.01));
  };
  const auto gradient = [&](const Array<double>& f) { return grad(loss, f); };
  const auto state = p.with(gradient).states_at_times({0.3}, {.tolerance = 1e-6}).front();
  BOOST_TEST(difference(state.outputs, descended(p, gradient, 0.3 / 40000, 0, 40000)) < 2e-3);
  BOOST_TEST(difference(state.outputs, p.f0) > 0.1);
}

BOOST_AUTO_TEST_CASE(times_that_are_read_cost_nothing) {
  const Problem p(false);
  std::size_t calls = 0;
  const auto inner = ntk::squared_error_gradient(p.y);
  const ntk::LossDynamics d = p.with([&](const Array<double>& f) {
    ++calls;
    return inner(f);
  });
  const Array<double> alone = d.weights_at_time(5);
  const std::size_t products = calls;
  std::vector<double> times;
  for (int i = 1; i <= 5000; ++i) times.push_back(0.001 * i);
  calls = 0;
  const auto all = d.weights_at_times(times);
  BOOST_TEST(calls == products);
  BOOST_TEST(same_bits(all.back(), d.weights_at_time(times.back())));
  BOOST_TEST(difference(all.back(), alone) < 1e-9);
  BOOST_TEST(d.weights_at_times({}).empty());
  // A kernel of 0 trains nothing, at any time.
  const ntk::LossDynamics still(ntk::linear_map(Array<double>::zeros({6, 6})), p.f0, inner);
  for (const std::optional<double> friction : {std::optional<double>{}, std::optional<double>{0.0}})
    BOOST_TEST(same_bits(still.states_at_times({100}, {.friction = friction}).front().outputs, p.f0));
}

BOOST_AUTO_TEST_CASE(errors) {
  const Problem p(false);
  const auto map = ntk::linear_map(p.k);
  const auto squares = ntk::squared_error_gradient(p.y);
  const ntk::LossDynamics d(map, p.f0, squares);
  BOOST_CHECK_THROW((ntk::LossDynamics{map, Array<double>::ones({5, 3}), squares}), shape_error);
  BOOST_CHECK_THROW((ntk::LossDynamics{map, Array<double>::ones({6}), squares}), shape_error);
  BOOST_CHECK_THROW((ntk::LossDynamics{map, Array<double>::full({6, 3}, undefined), squares}), numerical_error);
  BOOST_CHECK_THROW(ntk::squared_error_gradient(Array<double>::full({6, 3}, undefined)), numerical_error);
  BOOST_CHECK_THROW(ntk::squared_error_gradient(Array<double>::ones({6})), shape_error);
  BOOST_CHECK_THROW(squares(Array<double>::ones({6, 2})), shape_error);
  BOOST_CHECK_THROW(ntk::cross_entropy_gradient(p.y), data_error);
  BOOST_CHECK_THROW(ntk::cross_entropy_gradient(Array<double>::full({6, 3}, undefined)), data_error);
  BOOST_CHECK_THROW(ntk::cross_entropy_gradient(p.labels, Reduction::none), option_error);
  for (const std::vector<double>& times : {std::vector<double>{-1}, {1, 0.5}, {undefined}, {infinity}})
    BOOST_CHECK_THROW(d.weights_at_times(times), option_error);
  for (const double tolerance : {0.0, -1.0, undefined, infinity})
    BOOST_CHECK_THROW(d.weights_at_time(1, {.tolerance = tolerance}), option_error);
  for (const double friction : {-0.1, undefined, infinity})
    BOOST_CHECK_THROW(d.weights_at_time(1, {.friction = friction}), option_error);
  for (const double momentum : {-0.1, 1.0, undefined})
    BOOST_CHECK_THROW(d.weights_at_step(0.1, 1, momentum), option_error);
  BOOST_CHECK_THROW(d.weights_at_step(undefined, 1), option_error);
  BOOST_CHECK_THROW(d.states_at_steps(0.1, {2, 1}), option_error);
  const std::string message = message_of<numerical_error>([&] { d.weights_at_time(100, {.max_products = 50}); });
  BOOST_TEST(has(message, "[dynamics] 50 products with the kernel have led to time"));
  BOOST_CHECK_THROW(p.with([](const Array<double>&) { return Array<double>::ones({18}); }).weights_at_time(1),
                    shape_error);
  BOOST_CHECK_THROW(
      p.with([](const Array<double>& f) { return Array<double>::full(f.shape(), undefined); }).weights_at_time(1),
      numerical_error);
  // Descent that diverges, and a loss without a lower bound whose flow reaches infinity in a finite time.
  BOOST_CHECK_THROW(d.weights_at_step(1e3, 10000), numerical_error);
  const auto explosion = [](const Array<double>& f) {
    Array<double> out(f.shape());
    for (std::size_t i = 0; i < f.size(); ++i) out.mutable_data()[i] = -1 - f[i] * f[i];
    return out;
  };
  BOOST_CHECK_THROW(p.with(explosion).weights_at_time(100, {.max_products = 100000}), numerical_error);
}

BOOST_AUTO_TEST_SUITE_END()
