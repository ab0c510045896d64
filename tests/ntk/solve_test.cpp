// Compares exact regression with an eNTK that is never formed with regression with the formed one.
#include "ntk/solve.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <numeric>

#include "nn/data/dataset.hpp"
#include "nn/data/digits.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/models/mlp.hpp"
#include "nn/sequential.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/regression.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/written_networks.hpp"
#include "tests/testing.hpp"

namespace utf = boost::unit_test;
using namespace xtangent;
using namespace xtangent::testing;

namespace {

Array<double> matrix(const std::string& seed, std::size_t n, std::size_t m) {
  Random random(seed);
  return random_array(random, {n, m});
}

// A network, examples and targets, used by all tests except the last one.
struct Problem {
  nn::Sequential net = nn::mlp({6, 96, 96, 3});
  nn::Parameters<double> params = net.init<double>(2);
  Array<double> x = matrix("x", 25, 6), y = matrix("y", 25, 3), x_new = matrix("new", 7, 6);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(solve)

BOOST_AUTO_TEST_CASE(agrees_with_the_factored_kernel) {
  const Problem p;
  const Array<double> f0 = nn::predict(p.net, p.params, p.x), f0_new = nn::predict(p.net, p.params, p.x_new);
  for (double ridge : {0.0, 0.3}) {
    ntk::Regression<double> direct(ntk::entk(p.net, p.params, p.x), {.ridge = ridge, .relative = false});
    const Array<double> expected = direct.weights(p.y, f0);
    const Array<double> predicted = direct.predict(ntk::entk(p.net, p.params, p.x_new, p.x), p.y, f0, f0_new);
    for (auto preconditioner :
         {ntk::SolvePreconditioner::pseudo, ntk::SolvePreconditioner::trace, ntk::SolvePreconditioner::outputs,
          ntk::SolvePreconditioner::nearest, ntk::SolvePreconditioner::none})
      for (bool narrow : {false, true}) {
        const ntk::Solution found = ntk::solve(p.net, p.params, p.x, p.y,
                                               {.ridge = ridge,
                                                .tolerance = 1e-11,
                                                .preconditioner = preconditioner,
                                                .float_factor = narrow,
                                                .group = 4,
                                                .neighbors = 6});
        BOOST_TEST_CONTEXT(ntk::name(preconditioner) << ", ridge " << ridge << ", float " << narrow) {
          BOOST_TEST(found.converged);
          BOOST_TEST(found.residual <= 1e-11);
          BOOST_TEST(relative_error(found.weights, expected) < 1e-8);
          BOOST_TEST(relative_error(ntk::predict_linearized(p.net, p.params, p.x_new, p.x, found.weights), predicted) <
                     1e-8);
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(products_in_float_lose_nothing) {
  const Problem p;
  for (double ridge : {0.0, 0.3}) {
    const auto wide = ntk::solve(p.net, p.params, p.x, p.y, {.ridge = ridge, .tolerance = 1e-11});
    const auto narrow =
        ntk::solve(p.net, p.params, p.x, p.y, {.ridge = ridge, .tolerance = 1e-11, .float_products = true});
    BOOST_TEST(narrow.residual <= 1e-11);
    BOOST_TEST(narrow.iterations < 3 * wide.iterations);
    BOOST_TEST(relative_error(narrow.weights, wide.weights) < 1e-8);
  }
}

BOOST_AUTO_TEST_CASE(interpolates_without_ridge) {
  const Problem p;
  const auto found = ntk::solve(p.net, p.params, p.x, p.y, {.tolerance = 1e-10});
  BOOST_TEST(relative_error(ntk::predict_linearized(p.net, p.params, p.x, p.x, found.weights), p.y) < 1e-9);
}

BOOST_AUTO_TEST_CASE(goes_on_from_where_it_was_stopped) {
  const Problem p;
  std::vector<double> seen;
  const auto stop = [&](const ntk::ConjugateGradientProgress& q) {
    seen.push_back(q.residual);
    return q.iteration < 4;
  };
  const auto part = ntk::solve(p.net, p.params, p.x, p.y, {.progress = stop});
  BOOST_TEST(!part.converged);
  BOOST_TEST(part.iterations == 4u);
  BOOST_TEST(std::abs(part.residual / seen.back() - 1) < 1e-6);
  const auto rest = ntk::solve(p.net, p.params, p.x, p.y, {.start = part.weights});
  const auto whole = ntk::solve(p.net, p.params, p.x, p.y);
  BOOST_TEST(rest.iterations < whole.iterations);
  BOOST_TEST(relative_error(rest.weights, whole.weights) < 1e-4);
  BOOST_CHECK_THROW(ntk::solve(p.net, p.params, p.x, p.y, {.max_iterations = 2}), numerical_error);
  BOOST_TEST(ntk::solve(p.net, p.params, p.x, p.y, {.max_iterations = 2, .partial = true}).iterations == 2u);
}

BOOST_AUTO_TEST_CASE(keeps_the_budget) {
  const Problem p;
  const auto roomy = ntk::solve(p.net, p.params, p.x, p.y, {.tolerance = 1e-10});
  const std::size_t budget = 4 << 20, before = memory_statistics().live;
  reset_peak_memory();
  const auto tight = ntk::solve(p.net, p.params, p.x, p.y, {.tolerance = 1e-10, .memory = budget});
  BOOST_TEST(memory_statistics().peak - before <= budget);
  BOOST_TEST(relative_error(tight.weights, roomy.weights) < 1e-9);
  const std::string small = message_of([&] { ntk::solve(p.net, p.params, p.x, p.y, {.memory = 8000}); });
  BOOST_TEST(has(small, "a factor of order 25 needs 5.08"), small);
  BOOST_CHECK_THROW(
      ntk::solve(p.net, p.params, p.x, p.y, {.memory = 1, .preconditioner = ntk::SolvePreconditioner::none}),
      memory_error);
  for (auto kind :
       {ntk::SolvePreconditioner::pseudo, ntk::SolvePreconditioner::outputs, ntk::SolvePreconditioner::nearest})
    BOOST_CHECK_THROW(ntk::solve(p.net, p.params, p.x, p.y, {.memory = 20000, .preconditioner = kind}), memory_error);
}

// With respect to the first layer's weights, examples of zeros have no gradient, and no direction to be near to.
BOOST_AUTO_TEST_CASE(examples_without_a_gradient_have_neighbors) {
  Problem p;
  for (const std::size_t i : {0, 3, 4, 11, 20}) std::fill_n(p.x.mutable_data() + i * 6, 6, 0.0);
  ntk::SolveOptions options{.ridge = 0.3, .tolerance = 1e-12, .parameters = {"0.weight"}, .group = 2, .neighbors = 3};
  options.preconditioner = ntk::SolvePreconditioner::none;
  const ntk::Solution expected = ntk::solve(p.net, p.params, p.x, p.y, options);
  options.preconditioner = ntk::SolvePreconditioner::nearest;
  const ntk::Solution found = ntk::solve(p.net, p.params, p.x, p.y, options);
  BOOST_TEST(relative_error(found.weights, expected.weights) < 1e-9);
  BOOST_TEST(found.iterations <= expected.iterations);
}

BOOST_AUTO_TEST_CASE(preconditioners_have_names) {
  using P = ntk::SolvePreconditioner;
  for (const P kind : {P::none, P::pseudo, P::trace, P::outputs, P::nearest})
    BOOST_TEST((ntk::parse_preconditioner(ntk::name(kind)) == kind));
  BOOST_TEST(has(message_of<option_error>([] { ntk::parse_preconditioner("best"); }),
                 "no preconditioner 'best'. There are none, pseudo, trace, outputs, nearest."));
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
  Problem p;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto attempt = [&](const Array<double>& x, const Array<double>& y, const ntk::SolveOptions& options = {}) {
    return ntk::solve(p.net, p.params, x, y, options);
  };
  BOOST_CHECK_THROW(attempt(p.x, matrix("y", 24, 3)), shape_error);
  BOOST_CHECK_THROW(attempt(p.x, matrix("y", 25, 4)), shape_error);
  BOOST_CHECK_THROW(attempt(matrix("x", 25, 5), p.y), shape_error);
  BOOST_CHECK_THROW(attempt(Array<double>({0, 6}), Array<double>({0, 3})), shape_error);
  BOOST_CHECK_THROW(attempt(p.x, Array<double>::full({25, 3}, nan)), numerical_error);
  BOOST_CHECK_THROW(attempt(Array<double>::full({25, 6}, nan), p.y), numerical_error);
  BOOST_CHECK_THROW(attempt(p.x, p.y, {.ridge = -1}), option_error);
  BOOST_CHECK_THROW(attempt(p.x, p.y, {.tolerance = 0}), option_error);
  BOOST_CHECK_THROW(attempt(p.x, p.y, {.preconditioner = ntk::SolvePreconditioner::nearest, .group = 0}), option_error);
  BOOST_CHECK_THROW(attempt(p.x, p.y, {.start = matrix("start", 3, 25)}), shape_error);
  BOOST_CHECK_THROW(ntk::predict_linearized(p.net, p.params, p.x_new, p.x, matrix("w", 24, 3)), shape_error);
  BOOST_CHECK_THROW(ntk::predict_linearized(p.net, p.params, p.x_new, p.x, matrix("w", 75, 1)), shape_error);
  // The same example occurs twice, and no function passes through two targets at one point.
  Array<double> twice = p.x.clone();
  std::copy_n(twice.data(), 6, twice.mutable_data() + 18);
  const std::string singular = message_of([&] { attempt(twice, p.y); });
  BOOST_TEST(has(singular, "not positive definite"), singular);
  BOOST_TEST(has(singular, "ridge"), singular);
}

// A network that gives one number for each example, (N,), is one with outputs (N, 1), and (N, 1, 3) are (N, 3).
BOOST_AUTO_TEST_CASE(outputs_of_other_ranks) {
  const Problem p;
  const ntk::SolveOptions options{.ridge = 0.1, .tolerance = 1e-11};
  const auto check = [&](const nn::ModuleBase& net, const nn::ModuleBase& plain, std::size_t outputs,
                         const Shape& shape) {
    const auto params = net.init<double>(2);
    const Array<double> y = matrix("y", 25, outputs), same = y.reshaped(shape.prepended(25));
    BOOST_TEST(nn::predict(net, params, p.x).shape() == same.shape());
    const ntk::Solution expected = ntk::solve(plain, params, p.x, y, options);
    for (const Array<double>& targets : {y, same}) {
      const ntk::Solution found = ntk::solve(net, params, p.x, targets, options);
      BOOST_TEST(same_bits(found.weights, expected.weights));
      ntk::SolveOptions again = options;
      again.start = found.weights.reshaped(targets.shape());
      BOOST_TEST(ntk::solve(net, params, p.x, targets, again).iterations < found.iterations);
      BOOST_TEST(same_bits(ntk::predict_linearized(net, params, p.x_new, p.x, found.weights.reshaped(targets.shape())),
                           ntk::predict_linearized(plain, params, p.x_new, p.x, expected.weights)));
    }
    BOOST_TEST(ntk::predict_linearized(net, params, Array<double>({0, 6}), p.x, same).shape() == (Shape{0, outputs}));
  };
  // Two layers with outputs (N, shape).
  const auto network = [](const Shape& shape) {
    return Written({{"hidden", {40, 6}}, {"head", {shape.size(), 40}}}, [shape](auto w, const auto& x) {
      return reshape(linear(tanh(linear(x, w("hidden"))), w("head")), shape.prepended(x.shape()[0]));
    });
  };
  check(network({}), network({1}), 1, {});
  check(network({1, 3}), network({3}), 3, {1, 3});
}

BOOST_AUTO_TEST_CASE(predictions_without_examples) {
  const Problem p;
  const Array<double> none({0, 6});
  BOOST_TEST(ntk::predict_linearized(p.net, p.params, none, p.x, matrix("w", 25, 3)).shape() == (Shape{0, 3}));
  BOOST_TEST(same_bits(ntk::predict_linearized(p.net, p.params, p.x_new, none, Array<double>({0, 3})),
                       nn::predict(p.net, p.params, p.x_new)));
  BOOST_CHECK_THROW(ntk::predict_linearized(p.net, p.params, none, p.x, matrix("w", 24, 3)), shape_error);
}

BOOST_AUTO_TEST_CASE(digits_at_width_1024, *utf::precondition(Digits{})) {
  constexpr std::size_t n = 200;
  std::vector<std::size_t> first(n);
  std::iota(first.begin(), first.end(), std::size_t(0));
  const nn::LabeledImages digits = nn::load_digits(digits_file());
  const nn::Dataset images(digits, {.layout = nn::ImageLayout::flat, .scaling = {nn::standardization(digits)}});
  const Array<double> x = images.batch<double>(first);
  Array<double> y = Array<double>::zeros({n, 10});
  for (std::size_t i = 0; i < n; ++i) y.mutable_data()[i * 10 + images.labels(first)[i]] = 1;
  const nn::Sequential net = nn::mlp({64, 1024, 1024, 10});
  const auto params = net.init<double>(1);
  const auto found = ntk::solve(net, params, x, y);
  const auto plain = ntk::solve(
      net, params, x, y,
      {.max_iterations = 6 * found.iterations, .preconditioner = ntk::SolvePreconditioner::none, .partial = true});
  BOOST_TEST(!plain.converged);  // needs more than six times the iterations
  const auto exact = ntk::solve(net, params, x, y, {.tolerance = 1e-11});
  ntk::Regression<double> direct(ntk::entk(net, params, x));
  BOOST_TEST(relative_error(exact.weights, direct.weights(y, nn::predict(net, params, x))) < 1e-8);
}

BOOST_AUTO_TEST_SUITE_END()
