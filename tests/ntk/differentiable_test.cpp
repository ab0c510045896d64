// Compares kernels as Vars with kernel(), and their derivatives with central differences of kernel().
#include "ntk/differentiable.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/ops/solve.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr double small_step = 1e-6;  // small, because kernels jump where a unit of relu changes sides

Array<double> matrix(const std::string& seed, const Shape& shape) {
  Random random(seed);
  return random_array(random, shape);
}

nn::Parameters<double> with(const nn::Parameters<double>& params, const Arrays& values) {
  nn::Parameters<double> out = params;
  for (std::size_t p = 0; p < values.size(); ++p) out.set(params.infos()[p].name, values[p]);
  return out;
}

Arrays values_of(const nn::Parameters<double>& params) {
  Arrays out;
  for (std::size_t p = 0; p < params.count(); ++p) out.push_back(params.slice(p));
  return out;
}

std::vector<Var<double>> recorded(Tape<double>& tape, const Arrays& values) {
  std::vector<Var<double>> out;
  for (const Array<double>& v : values) out.push_back(tape.variable(v));
  return out;
}

Arrays directions(const Arrays& like) {
  Arrays out;
  for (std::size_t i = 0; i < like.size(); ++i) out.push_back(matrix("direction" + std::to_string(i), like[i].shape()));
  return out;
}

Array<double> value(const Var<double>& v, const Shape& shape) {
  return v.defined() ? v.value() : Array<double>::zeros(shape);
}

std::vector<ntk::Readout> readouts(std::size_t outputs) {
  return {ntk::readout::full(), ntk::readout::pseudo(), ntk::readout::trace(), ntk::readout::random_signs(7, 2),
          ntk::readout::custom(matrix("readout", {outputs, 2}))};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(differentiable)

BOOST_AUTO_TEST_CASE(values_are_those_of_the_kernel) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    const Array<double> x1 = examples_of(row, 4, "1"), x2 = examples_of(row, 3, "2");
    for (const ntk::Readout& readout : readouts((*row.net)(params, x1).shape()[1])) {
      BOOST_TEST_CONTEXT(row.name << ", readout " << readout.name()) {
        const Array<double> square = ntk::kernel(*row.net, params, x1, readout);
        const Array<double> cross = ntk::kernel(*row.net, params, x1, x2, readout);
        const Var<double> a(x1), b(x2);
        BOOST_TEST(relative_error(ntk::differentiable_kernel(*row.net, params, a, a, readout).value(), square) < 1e-10);
        BOOST_TEST(relative_error(ntk::differentiable_kernel(*row.net, params, a, b, readout).value(), cross) < 1e-10);
        Tape<double> tape;
        const std::vector<Var<double>> theta = recorded(tape, values_of(params));
        const Var<double> live = tape.variable(x1, Examples::axis0);
        const Var<double> k = ntk::differentiable_kernel<double>(*row.net, params, live, b, readout, theta);
        BOOST_TEST(k.on_tape());
        BOOST_TEST(relative_error(k.value(), cross) < 1e-10);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(derivatives_by_parameters) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    const Array<double> x1 = examples_of(row, 3, "1"), x2 = examples_of(row, 2, "2");
    const Arrays theta = values_of(params), v = directions(theta);
    for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo()}) {
      const auto kernel = [&](const Arrays& at) {
        return Arrays{ntk::kernel(*row.net, with(params, at), x1, x2, readout)};
      };
      const Array<double> expected = central_difference(kernel, theta, v, small_step).front();
      Tape<double> tape;
      const std::vector<Var<double>> vars = recorded(tape, theta);
      const Var<double> k =
          ntk::differentiable_kernel<double>(*row.net, params, Var<double>(x1), Var<double>(x2), readout, vars);
      std::vector<Var<double>> tangents;
      for (const Array<double>& d : v) tangents.emplace_back(d);
      const Var<double> dk = pushforward<double>(std::vector<Var<double>>{k}, vars, tangents).front();
      const Array<double> kbar = matrix("kbar", k.shape());
      const std::vector<Var<double>> bars = pullback<double>(k, Var<double>(kbar), vars);
      double reverse = 0;
      for (std::size_t p = 0; p < bars.size(); ++p) reverse += inner(value(bars[p], theta[p].shape()), v[p]);
      const double forward = inner(kbar, expected), length = std::sqrt(inner(kbar, kbar) * inner(expected, expected));
      BOOST_TEST_CONTEXT(row.name << ", readout " << readout.name()) {
        const double by_tangents = inner(kbar, value(dk, k.shape()));
        BOOST_TEST(std::abs(reverse - by_tangents) < 1e-10 * std::max(1.0, length));
        if (row.stops_gradients) continue;  // differences see what derivatives leave out
        BOOST_TEST(difference(value(dk, k.shape()), expected) < 1e-6);
        BOOST_TEST(std::abs(reverse - forward) < 1e-7 * std::max(1.0, length));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(derivatives_by_examples) {
  for (const NetworkRow& row : networks()) {
    if (row.tokens) continue;  // whole numbers have no derivative
    const auto params = row.net->init<double>(3);
    const Array<double> x = examples_of(row, 3, "x");
    const Arrays v = directions({x});
    const auto kernel = [&](const Arrays& at) {
      return Arrays{ntk::kernel(*row.net, params, at[0], ntk::readout::full())};
    };
    const Array<double> expected = central_difference(kernel, {x}, v, small_step).front();
    Tape<double> tape;
    const Var<double> live = tape.variable(x, Examples::axis0);
    const Var<double> k = ntk::differentiable_kernel(*row.net, params, live, live);
    const Array<double> kbar = matrix("kbar", k.shape());
    const Var<double> inputs[] = {live};
    const double reverse = inner(value(pullback<double>(k, Var<double>(kbar), inputs).front(), x.shape()), v[0]);
    BOOST_TEST_CONTEXT(row.name)
    BOOST_TEST(std::abs(reverse - inner(kbar, expected)) <
               1e-6 * std::max(1.0, std::sqrt(inner(kbar, kbar) * inner(expected, expected))));
  }
}

// The loss of kernel ridge regression: its gradient and a Hessian-vector product with respect to examples and
// parameters.
BOOST_AUTO_TEST_CASE(loss_of_regression_twice) {
  const nn::Sequential net = nn::sequential(nn::Linear(4, 8), nn::Tanh(), nn::Linear(8, 3));
  const auto params = net.init<double>(2);
  const Array<double> x = matrix("support", {4, 4}), data = matrix("data", {6, 4}), labels = matrix("labels", {4, 3}),
                      targets = matrix("targets", {6, 3});
  const auto record = [&](Tape<double>& tape, const Arrays& at, std::vector<Var<double>>& inputs) {
    inputs = {tape.variable(at[0], Examples::axis0)};
    for (std::size_t p = 1; p < at.size(); ++p) inputs.push_back(tape.variable(at[p]));
    const Vars<double> theta = Vars<double>(inputs).subspan(1);
    const auto pseudo = ntk::readout::pseudo();
    const Var<double> k = ntk::differentiable_kernel<double>(net, params, inputs[0], inputs[0], pseudo, theta);
    const Var<double> cross =
        ntk::differentiable_kernel<double>(net, params, Var<double>(data), inputs[0], pseudo, theta);
    const Var<double> ridge(identity(4, 0.1));
    const Var<double> error =
        matmul(cross, solve_positive_definite(k + ridge, Var<double>(labels))) - Var<double>(targets);
    return sum(square(error));
  };
  const Var<double> one(Array<double>::scalar(1));
  const auto loss = [&](const Arrays& at) {
    Tape<double> tape;
    std::vector<Var<double>> inputs;
    return Arrays{record(tape, at, inputs).value()};
  };
  const auto gradient = [&](const Arrays& at) {
    Tape<double> tape;
    std::vector<Var<double>> inputs;
    const Var<double> y = record(tape, at, inputs);
    Arrays out;
    const std::vector<Var<double>> bars = pullback<double>(y, one, inputs);
    for (std::size_t i = 0; i < bars.size(); ++i) out.push_back(value(bars[i], at[i].shape()));
    return out;
  };
  Arrays at = {x};
  for (const Array<double>& v : values_of(params)) at.push_back(v);
  const Arrays v = directions(at);
  const Arrays g = gradient(at);
  const double slope = central_difference(loss, at, v).front().item();
  BOOST_TEST(std::abs(inner(g, v) / slope - 1) < 1e-7);
  const Arrays expected = central_difference(gradient, at, v);
  Tape<double> tape;
  std::vector<Var<double>> inputs, tangents;
  const Var<double> y = record(tape, at, inputs);
  const std::vector<Var<double>> first = pullback<double>(y, one, inputs, {.record = true});
  for (const Array<double>& d : v) tangents.emplace_back(d);
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (!first[i].defined()) {  // the last bias: the kernel does not depend on it
      BOOST_TEST(i + 1 == first.size());
      continue;
    }
    const Var<double> outputs[] = {first[i]};
    const Var<double> second = pushforward<double>(outputs, inputs, tangents).front();
    BOOST_TEST(difference(value(second, at[i].shape()), expected[i]) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(what_stands_below_the_parameters_is_not_part_of_the_network) {
  const nn::Sequential net = nn::sequential(nn::Linear(3, 5), nn::Tanh(), nn::Linear(5, 2));
  const auto params = net.init<double>(2);
  const Array<double> x = matrix("x", {3, 3});
  Tape<double> tape;
  const Var<double> scale = tape.variable(Array<double>::scalar(1.3));
  std::vector<Var<double>> theta;
  for (const Array<double>& v : values_of(params)) theta.push_back(Var<double>(v) * scale);
  const Var<double> k =
      ntk::differentiable_kernel<double>(net, params, Var<double>(x), Var<double>(x), ntk::readout::full(), theta);
  const auto scaled = [&](const Arrays& at) {
    Arrays values = values_of(params);
    for (Array<double>& v : values)
      for (std::size_t i = 0; i < v.size(); ++i) v.mutable_data()[i] *= at[0].item();
    return Arrays{ntk::entk(net, with(params, values), x)};
  };
  const Arrays at = {Array<double>::scalar(1.3)}, v = {Array<double>::scalar(1)};
  BOOST_TEST(relative_error(k.value(), scaled(at).front()) < 1e-12);
  const Var<double> inputs[] = {scale}, tangents[] = {Var<double>(v[0])}, outputs[] = {k};
  BOOST_TEST(difference(pushforward<double>(outputs, inputs, tangents).front().value(),
                        central_difference(scaled, at, v).front()) < 1e-8);
}

BOOST_AUTO_TEST_CASE(by_blocks) {
  const nn::Sequential nets[] = {nn::mlp({6, 16, 12, 3}),
                                 nn::sequential(nn::Conv2d(1, 3, 2), nn::Tanh(), nn::Flatten(), nn::Linear(12, 3))};
  const Shape shapes[] = {{6}, {1, 3, 3}};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto params = nets[i].init<double>(1);
    const Array<double> x1 = matrix("1", shapes[i].prepended(7)), x2 = matrix("2", shapes[i].prepended(5));
    for (const ntk::Readout& readout : readouts(3)) {
      const Array<double> kbar = matrix("kbar", ntk::kernel(nets[i], params, x1, x2, readout).shape());
      const auto whole = ntk::kernel_gradient(nets[i], params, x1, x2, kbar, readout, {.parameters = true});
      const auto blocks =
          ntk::kernel_gradient(nets[i], params, x1, x2, kbar, readout, {.block = 2, .parameters = true});
      BOOST_TEST(ntk::kernel_gradient(nets[i], params, x1, x2, kbar, readout).parameters.empty());
      BOOST_TEST(relative_error(blocks.x1, whole.x1) < 1e-11);
      BOOST_TEST(relative_error(blocks.x2, whole.x2) < 1e-11);
      Arrays at = {x1, x2};
      for (const Array<double>& v : values_of(params)) at.push_back(v);
      const Arrays v = directions(at);
      const auto scalar = [&](const Arrays& p) {
        const Array<double> k = ntk::kernel(nets[i], with(params, {p.begin() + 2, p.end()}), p[0], p[1], readout);
        return Arrays{Array<double>::scalar(inner(k, kbar))};
      };
      double slope = inner(blocks.x1, v[0]) + inner(blocks.x2, v[1]);
      for (std::size_t p = 2; p < at.size(); ++p) slope += inner(blocks.parameters[p - 2], v[p]);
      BOOST_TEST(std::abs(slope / central_difference(scalar, at, v, small_step).front().item() - 1) < 1e-6);
    }
  }
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
  const nn::Sequential net = nn::mlp({3, 4, 2});
  const auto params = net.init<double>(0);
  const Array<double> x = matrix("x", {4, 3});
  const Var<double> constant(x);
  Tape<double> tape, other;
  const Var<double> live = tape.variable(x, Examples::axis0), unmarked = tape.variable(x);
  const auto attempt = [&](const Var<double>& a, const Var<double>& b, Vars<double> theta = {}) {
    return ntk::differentiable_kernel<double>(net, params, a, b, ntk::readout::full(), theta);
  };
  BOOST_CHECK_THROW(attempt(unmarked, live), batch_error);
  BOOST_CHECK_THROW(attempt(live, unmarked), batch_error);
  BOOST_CHECK_THROW(ntk::differentiable_kernel(net, params, live, live, ntk::readout::diagonal()), option_error);
  BOOST_CHECK_THROW(attempt(Var<double>(), live), shape_error);
  BOOST_CHECK_THROW(attempt(Var<double>(matrix("x", {4, 2})), constant), shape_error);
  BOOST_CHECK_THROW(attempt(live, live, std::vector<Var<double>>{constant}), shape_error);
  const std::vector<Var<double>> elsewhere = recorded(other, values_of(params));
  BOOST_CHECK_THROW(attempt(live, live, elsewhere), tape_error);
  const auto streamed = [&](Vars<double> v) { return attempt(v[0], constant); };
  const Var<double> at[] = {constant};
  BOOST_CHECK_THROW(push_streaming<double>(streamed, at, at), tape_error);
  const OverExamples mixing;
  BOOST_CHECK_THROW(ntk::differentiable_kernel(mixing, mixing.init<double>(0), live, live), batch_error);
  const auto blocks = [&](const Array<double>& kbar, std::size_t block = 2) {
    return ntk::kernel_gradient(net, params, x, x, kbar, ntk::readout::full(), {.block = block});
  };
  BOOST_CHECK_THROW(blocks(Array<double>::ones({8, 4})), shape_error);
  BOOST_CHECK_THROW(blocks(Array<double>::ones({8, 8}), 0), option_error);
  BOOST_CHECK_THROW(ntk::kernel_gradient(net, params, Array<double>({0, 3}), x, Array<double>({0, 7})), shape_error);
}

BOOST_AUTO_TEST_CASE(no_examples_give_an_empty_kernel) {
  const nn::Sequential net = nn::mlp({3, 4, 2});
  const auto params = net.init<double>(0);
  Tape<double> tape;
  const Array<double> none({0, 3}), x = matrix("x", {4, 3});
  const Var<double> some = tape.variable(x, Examples::axis0), nothing = tape.variable(none, Examples::axis0);
  BOOST_TEST(ntk::differentiable_kernel(net, params, some, nothing).shape() == (Shape{8, 0}));
  BOOST_TEST(ntk::differentiable_kernel(net, params, nothing, some, ntk::readout::pseudo()).shape() == (Shape{0, 4}));
  BOOST_TEST(ntk::differentiable_kernel(net, params, nothing, nothing, ntk::readout::trace()).shape() == (Shape{0, 0}));
  const auto gradient = ntk::kernel_gradient(net, params, none, x, Array<double>({0, 8}));
  BOOST_TEST(gradient.x1.shape() == none.shape());
  BOOST_TEST(same_bits(gradient.x2, Array<double>::zeros(x.shape())));
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_named) {
  const nn::Sequential net = nn::mlp({3, 4, 2});
  const auto params = net.init<double>(0);
  const Array<double> x = matrix("x", {4, 3});
  Array<double> broken = x.clone();
  broken.mutable_data()[7] = std::numeric_limits<double>::quiet_NaN();
  const auto kernel = [&](const nn::Parameters<double>& p, const Array<double>& a, const Array<double>& b,
                          const std::vector<Var<double>>& theta = {}) {
    return message_of<numerical_error>(
        [&] { ntk::differentiable_kernel(net, p, batched(a), batched(b), ntk::readout::full(), theta); });
  };
  const std::string first = kernel(params, broken, x), second = kernel(params, x, broken);
  BOOST_TEST(has(first, "x1 holds NaN or infinity at example 2"), first);
  BOOST_TEST(has(second, "x2 holds NaN or infinity at example 2"), second);
  auto spoiled = params;
  spoiled.set("2.weight", Array<double>::full({2, 4}, std::numeric_limits<double>::infinity()));
  const std::string parameter = kernel(spoiled, x, x), given = kernel(params, x, x, [&] {
                                                         std::vector<Var<double>> theta;
                                                         for (const auto& entry : spoiled)
                                                           theta.emplace_back(entry.value);
                                                         return theta;
                                                       }());
  BOOST_TEST(has(parameter, "parameter 2.weight"), parameter);
  BOOST_TEST(has(given, "parameter 2.weight"), given);
  auto large = params;
  large.set("2.weight", Array<double>::full({2, 4}, 1e200));
  const std::string overflow = kernel(large, x, x);
  BOOST_TEST(has(overflow, "overflows"), overflow);
}

BOOST_AUTO_TEST_SUITE_END()
