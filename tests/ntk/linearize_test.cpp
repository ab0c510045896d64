// Compares Taylor expansions of networks in their parameters with Jacobians, differences, and exact polynomials.
#include "ntk/linearize.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>

#include "autodiff/derivatives.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/moved_networks.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// params + t (random)
nn::Parameters<double> moved(const nn::Parameters<double>& params, double t) {
  Random random("direction");
  nn::Parameters<double> out = params;
  out.set_flat(plus(params.flat(), random_array(random, params.flat().shape()), t));
  return out;
}

// f0 + J (theta - theta0), from the Jacobian itself.
Array<double> by_jacobian(const nn::ModuleBase& net, const nn::Parameters<double>& params,
                          const nn::Parameters<double>& theta, const Array<double>& x) {
  std::vector<Array<double>> at;
  for (const auto& [info, value] : params) at.push_back(value);
  const auto jacobian = jacobian_reverse(
      [&](const std::vector<Var<double>>& p) { return net.apply<double>(params, p, Var<double>(x)); }, at);
  Array<double> out = net(params, x).clone();
  for (std::size_t i = 0; i < at.size(); ++i) {
    const Array<double> step = plus(theta.slice(i), at[i], -1);
    for (std::size_t o = 0; o < out.size(); ++o)
      for (std::size_t p = 0; p < step.size(); ++p) out.mutable_data()[o] += jacobian[i][o * step.size() + p] * step[p];
  }
  return out;
}

// The smooth networks of the table.
bool smooth(const NetworkRow& row) {
  for (const char* name : {"recurrent network", "mlp gelu, no bias", "convolution, stride and padding",
                           "sequence: linear on tokens, softmax attention", "an op of the user's",
                           "embedding tied to the head", "layer norm on tokens"})
    if (row.name == name) return true;
  return false;
}

// Cubic in its parameters.
nn::AnyModule cubic() {
  return Written({{"a", {4, 3}}, {"b", {4, 3}}, {"c", {2, 4}}}, [](auto p, const auto& x) {
    return linear(linear(x, p("a")) * linear(x, p("b")), p("c")) + linear(linear(x, p("a")), p("c"));
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(linearize)

BOOST_AUTO_TEST_CASE(is_the_jacobian_times_the_step) {
  for (const NetworkRow& row : networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net->init<double>(3), theta = moved(params, 0.7);
      const Array<double> x = examples_of(row, 3, "linearize");
      const nn::AnyModule line = ntk::linearize(row.net, params);
      BOOST_TEST(difference((*line)(theta, x), by_jacobian(*row.net, params, theta, x)) < 1e-12);
      BOOST_TEST(difference((*line)(params, x), (*row.net)(params, x)) < 1e-14);
      const Array<double> constant = (*ntk::taylor_expand(row.net, params, 0))(theta, x);
      BOOST_TEST(same_bits(constant, (*row.net)(params, x)));
    }
  }
}

BOOST_AUTO_TEST_CASE(higher_orders_agree_with_differences) {
  std::size_t count = 0;
  for (const NetworkRow& row : networks()) {
    if (!smooth(row)) continue;
    ++count;
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net->init<double>(3);
      const Array<double> x = examples_of(row, 3, "linearize");
      const auto at = [&](double t) { return (*row.net)(moved(params, t), x); };
      // Derivatives along the direction, by central differences that are exact up to h^4.
      const double h = 0.01;
      const Array<double> f0 = at(0), p1 = at(h), m1 = at(-h), p2 = at(2 * h), m2 = at(-2 * h), p3 = at(3 * h),
                          m3 = at(-3 * h);
      Array<double> second(f0.shape()), third(f0.shape());
      for (std::size_t i = 0; i < f0.size(); ++i) {
        second.mutable_data()[i] = (16 * (p1[i] + m1[i]) - (p2[i] + m2[i]) - 30 * f0[i]) / (12 * h * h);
        third.mutable_data()[i] = (8 * (p2[i] - m2[i]) - 13 * (p1[i] - m1[i]) - (p3[i] - m3[i])) / (8 * h * h * h);
      }
      std::vector<Array<double>> found;
      for (std::size_t order = 0; order <= 3; ++order)
        found.push_back((*ntk::taylor_expand(row.net, params, order))(moved(params, 1), x));
      BOOST_TEST(difference(plus(found[2], found[1], -1), plus(Array<double>::zeros(f0.shape()), second, 0.5)) < 1e-4);
      BOOST_TEST(difference(plus(found[3], found[2], -1), plus(Array<double>::zeros(f0.shape()), third, 1.0 / 6)) <
                 1e-3);
      BOOST_TEST(difference(found[2], found[1]) > 1e-3);
      BOOST_TEST(difference(found[3], found[2]) > 1e-3);
      // Half the step leaves 2^-(order + 1) of the error.
      for (std::size_t order = 1; order <= 4; ++order) {
        const nn::AnyModule expansion = ntk::taylor_expand(row.net, params, order);
        const auto error = [&](double t) {
          const Array<double> rest = plus((*expansion)(moved(params, t), x), at(t), -1);
          return std::sqrt(inner(rest, rest));
        };
        const double power = std::log2(error(0.02) / error(0.01));
        BOOST_TEST(std::abs(power - static_cast<double>(order + 1)) < 0.3);
      }
    }
  }
  BOOST_TEST(count == 7u);
}

BOOST_AUTO_TEST_CASE(polynomials_are_exact) {
  const nn::AnyModule net = cubic();
  const auto params = net->init<double>(1), theta = moved(params, 1.5);
  Random random("x");
  const Array<double> x = random_array(random, {5, 3}), exact = (*net)(theta, x);
  for (std::size_t order : {3, 4, 5})
    BOOST_TEST(difference((*ntk::taylor_expand(net, params, order))(theta, x), exact) < 1e-12);
  BOOST_TEST(difference((*ntk::taylor_expand(net, params, 2))(theta, x), exact) > 1e-2);
}

// An expansion is a network: its kernel, its derivatives and its place in other networks are those of a network.
BOOST_AUTO_TEST_CASE(expansions_are_networks) {
  for (const NetworkRow& row : networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net->init<double>(3), theta = moved(params, 0.7);
      const Array<double> x = examples_of(row, 3, "kernel");
      const nn::AnyModule line = ntk::linearize(row.net, params);
      const Array<double> expected = ntk::entk(*row.net, params, x);
      for (const ntk::Strategy strategy : all_strategies) {
        BOOST_TEST_CONTEXT(ntk::name(strategy))
        BOOST_TEST(relative_error(ntk::entk(*line, theta, x, {.strategy = strategy}), expected) < 1e-12);
      }
      if (!smooth(row)) continue;
      // The kernel of the expansion of order 2 changes, and at the center it is the kernel of the network.
      const nn::AnyModule curved = ntk::taylor_expand(row.net, params, 2);
      BOOST_TEST(relative_error(ntk::entk(*curved, params, x), expected) < 1e-12);
      BOOST_TEST(relative_error(ntk::entk(*curved, theta, x), expected) > 1e-3);
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_the_network_at_the_center) {
  for (const NetworkRow& row : networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net->init<double>(3), theta = moved(params, 0.7);
      const Array<double> x = examples_of(row, 3, "gradient");
      Random random(row.name);
      const Array<double> bar = random_array(random, (*row.net)(params, x).shape());
      const auto gradient = [&](const nn::ModuleBase& net, const nn::Parameters<double>& at) {
        Tape<double> tape;
        const auto run = net.record(tape, at, x);
        return pullback<double>(run.output, Var<double>(bar), run.parameters);
      };
      const auto expected = gradient(*row.net, params), found = gradient(*ntk::linearize(row.net, params), theta);
      BOOST_TEST(expected.size() == found.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const Array<double> zero = Array<double>::zeros(params.slice(i).shape());
        BOOST_TEST(difference(found[i].defined() ? found[i].value() : zero,
                              expected[i].defined() ? expected[i].value() : zero) < 1e-12);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(examples_may_move) {
  for (const MovedRow& row : moved_networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.moved->init<double>(3), theta = moved(params, 0.7);
      const Array<double> x = examples_of({row.name, row.moved, row.input, row.tokens}, 3, "moved");
      const Array<double> expected = ntk::entk(*row.plain, params, x);
      const nn::AnyModule line = ntk::linearize(row.moved, params);
      for (const ntk::Strategy strategy : all_strategies)
        BOOST_TEST(relative_error(ntk::entk(*line, theta, x, {.strategy = strategy}), expected) < 1e-12);
    }
  }
}

// The second derivative of a model that is linear in its parameters is 0 for each example.
BOOST_AUTO_TEST_CASE(derivatives_that_vanish) {
  const nn::AnyModule net = nn::sequential(nn::Linear(3, 2));
  const auto params = net->init<double>(1), theta = moved(params, 0.5);
  Random random("x");
  const Array<double> x = random_array(random, {4, 3});
  for (const std::size_t order : {1, 2, 3})
    BOOST_TEST(relative_error(ntk::entk(*ntk::taylor_expand(net, params, order), theta, x),
                              ntk::entk(*net, params, x)) < 1e-14);
}

BOOST_AUTO_TEST_CASE(expansions_are_layers) {
  const nn::AnyModule part = nn::sequential(nn::Linear(4, 5), nn::Tanh(), nn::Linear(5, 3));
  const nn::Sequential whole = nn::sequential(nn::Linear(2, 4), part, nn::Tanh());
  const auto params = whole.init<double>(2), theta = moved(params, 0.4);
  auto of_part = part->init<double>(0), theta_of_part = of_part;
  for (const char* name : {"0.weight", "0.bias", "2.weight", "2.bias"}) {
    of_part.set(name, params[std::string("1.") + name]);
    theta_of_part.set(name, theta[std::string("1.") + name]);
  }
  const nn::AnyModule line = ntk::linearize(part, of_part);
  const nn::Sequential mixed = nn::sequential(nn::Linear(2, 4), line, nn::Tanh());
  Random random("x");
  const Array<double> x = random_array(random, {5, 2});
  const nn::Sequential first = nn::sequential(nn::Linear(2, 4));
  auto of_first = first.init<double>(0);
  for (const char* name : {"0.weight", "0.bias"}) of_first.set(name, theta[name]);
  const Array<double> inside = (*line)(theta_of_part, first(of_first, x));
  BOOST_TEST(difference(mixed(theta, x), tanh(Var<double>(inside)).value()) < 1e-14);
}

BOOST_AUTO_TEST_CASE(outputs_of_rank_one_and_float) {
  const nn::AnyModule scalar =
      Written({{"w", {3, 3}}}, [](auto p, const auto& x) { return mean(tanh(linear(x, p("w"))), {-1}); });
  Random random("x");
  const Array<double> x = random_array(random, {4, 3});
  const auto of_scalar = scalar->init<double>(1), theta_of_scalar = moved(of_scalar, 0.3);
  BOOST_TEST(difference((*ntk::linearize(scalar, of_scalar))(theta_of_scalar, x),
                        by_jacobian(*scalar, of_scalar, theta_of_scalar, x)) < 1e-12);
  const nn::Sequential net = nn::sequential(nn::Linear(3, 6), nn::Gelu(), nn::Linear(6, 2));
  const auto params = net.init<double>(1), theta = moved(params, 0.3);
  for (std::size_t order : {1, 3}) {
    const Array<double> expected = (*ntk::taylor_expand<double>(net, params, order))(theta, x);
    const auto expansion = ntk::taylor_expand<float>(net, params.cast<float>(), order);
    BOOST_TEST(difference(to_double((*expansion)(theta.cast<float>(), cast<float>(x))), expected) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(refuses_parameters_of_other_networks) {
  const nn::Sequential net = nn::sequential(nn::Linear(3, 6), nn::Gelu(), nn::Linear(6, 2)),
                       other = nn::sequential(nn::Linear(3, 6), nn::Gelu(), nn::Linear(6, 1));
  const auto params = net.init<double>(1), others = other.init<double>(1);
  BOOST_CHECK_THROW(ntk::linearize(net, others), parameter_error);
  BOOST_CHECK_THROW(ntk::taylor_expand(net, nn::Parameters<double>(), 2), parameter_error);
  const nn::AnyModule line = ntk::linearize(net, params);
  const Array<double> x = Array<double>::ones({2, 3});
  BOOST_CHECK_THROW((*line)(others, x), parameter_error);
  BOOST_CHECK_THROW((*line)(params, Array<double>::ones({2, 4})), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
