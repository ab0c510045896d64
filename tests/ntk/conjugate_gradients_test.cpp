// Compares conjugate gradients with direct solutions, and checks what they do when they cannot solve.
#include "ntk/algebra/conjugate_gradients.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

struct Network {
  std::size_t n = 40, o = 4;
  nn::Sequential net =
      nn::sequential(nn::Linear(10, 512), nn::Relu(), nn::Linear(512, 512), nn::Relu(), nn::Linear(512, 4));
  nn::Parameters<double> params = net.init<double>(1);
  Array<double> theta, k, b;
  Network() {
    Random random("network");
    const Array<double> x = random_array(random, {n, 10});
    theta = ntk::entk(net, params, x);
    k = ntk::pntk(net, params, x);
    b = random_array(random, {n * o});
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(conjugate_gradients)

BOOST_AUTO_TEST_CASE(solves_columns_of_every_size) {
  for (std::size_t n : {1, 2, 30, 300}) {
    const Array<double> k = positive_matrix(n, 5);
    Random random("columns");
    Array<double> b = random_array(random, {n, 4});
    for (std::size_t i = 0; i < n; ++i) {
      b.mutable_data()[i * 4 + 1] *= 1e-12;
      b.mutable_data()[i * 4 + 2] = 0;
    }
    for (double ridge : {0.0, 2.5}) {
      const auto found = ntk::conjugate_gradients(ntk::linear_map(k), b, {}, {.tolerance = 1e-11, .ridge = ridge});
      BOOST_TEST(found.converged);
      const Array<double> exact = eliminated(plus(k, identity(n), ridge), b);
      for (std::size_t column : {0, 1, 3})
        BOOST_TEST(relative_error(picked(found.x, range(0, n), {column}), picked(exact, range(0, n), {column})) < 1e-8);
      BOOST_TEST(difference(picked(found.x, range(0, n), {2}), Array<double>::zeros({n, 1})) == 0);
      BOOST_TEST(found.iterations[2] == 0u);
      for (double r : found.residuals) BOOST_TEST(r <= 1e-11);
    }
  }
}

// A column that is a sum of a few eigenvectors is done after as many steps, however many the others need.
BOOST_AUTO_TEST_CASE(each_column_has_its_own_steps) {
  const std::size_t n = 50;
  Array<double> k = identity(n), b = Array<double>::zeros({n, 3});
  for (std::size_t i = 0; i < n; ++i) {
    k.mutable_data()[i * (n + 1)] = 1 + static_cast<double>(i);
    if (i == 7) b.mutable_data()[i * 3] = 1;
    if (i % 10 == 3) b.mutable_data()[i * 3 + 1] = 1;
    b.mutable_data()[i * 3 + 2] = 1;
  }
  const auto found = ntk::conjugate_gradients(ntk::linear_map(k), b);
  BOOST_TEST(found.iterations[0] == 1u);
  BOOST_TEST(found.iterations[1] == 5u);
  BOOST_TEST(found.iterations[2] > 20u);
  // One product for each step, and one to check each column.
  BOOST_TEST(found.products == found.iterations[0] + found.iterations[1] + found.iterations[2] + 3);
  // Alone they take the same steps.
  for (std::size_t c = 0; c < 3; ++c) {
    const auto alone = ntk::conjugate_gradients(ntk::linear_map(k), picked(b, range(0, n), {c}));
    BOOST_TEST(alone.iterations[0] == found.iterations[c]);
    BOOST_TEST(difference(alone.x, picked(found.x, range(0, n), {c})) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(exact_entk_regression_preconditioned_by_the_pntk) {
  const Network p;
  const auto map = ntk::linear_map(p.theta);
  const Array<double> direct = ntk::Cholesky(p.theta).solve(p.b);
  const auto plain = ntk::conjugate_gradients(map, p.b, {}, {.tolerance = 1e-11});
  const auto found =
      ntk::conjugate_gradients(map, p.b, ntk::kronecker_preconditioner(ntk::Cholesky(p.k), p.o), {.tolerance = 1e-11});
  BOOST_TEST(relative_error(plain.x, direct) < 1e-8);
  BOOST_TEST(relative_error(found.x, direct) < 1e-8);
  BOOST_TEST_MESSAGE("iterations: plain " << plain.iterations[0] << ", preconditioned " << found.iterations[0]);
  BOOST_TEST(3 * found.iterations[0] < plain.iterations[0]);
  // A factor in float is as good.
  const auto single = ntk::conjugate_gradients(
      map, p.b, ntk::kronecker_preconditioner(ntk::Cholesky(cast<float>(p.k)), p.o), {.tolerance = 1e-11});
  BOOST_TEST(relative_error(single.x, direct) < 1e-8);
  BOOST_TEST(single.iterations[0] < found.iterations[0] + 5);
}

// chol(K) (x) I is K's inverse for each output: exact where Theta = K (x) I.
BOOST_AUTO_TEST_CASE(the_preconditioner_is_the_inverse_of_the_product) {
  const std::size_t n = 12, o = 3;
  const Array<double> k = positive_matrix(n);
  const auto inverse = ntk::kronecker_preconditioner(ntk::Cholesky(k, {.ridge = 0.5, .relative = false}), o);
  Random random("kronecker");
  const Array<double> u = random_array(random, {n * o, 2}), found = inverse(u);
  const Array<double> exact = eliminated(plus(k, identity(n), 0.5), identity(n));
  for (std::size_t c = 0; c < o; ++c) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < n; ++i) rows.push_back(i * o + c);
    BOOST_TEST(relative_error(picked(found, rows, {0, 1}), product(exact, picked(u, rows, {0, 1}))) < 1e-10);
  }
  BOOST_CHECK_THROW(inverse(Array<double>::ones({n, 1})), shape_error);
  BOOST_CHECK_THROW(ntk::kronecker_preconditioner(ntk::Cholesky(k), 0), shape_error);
}

BOOST_AUTO_TEST_CASE(progress_stops_and_starts_again) {
  const Network p;
  const auto map = ntk::linear_map(p.theta);
  const auto inverse = ntk::kronecker_preconditioner(ntk::Cholesky(p.k), p.o);
  std::vector<double> seen;
  const auto stop_at = [&](std::size_t last) {
    return [&seen, last](const ntk::ConjugateGradientProgress& progress) {
      BOOST_TEST(progress.iteration == seen.size() + 1);
      BOOST_TEST(progress.columns == 1u);
      seen.push_back(progress.residual);
      return progress.iteration < last;
    };
  };
  const auto half = ntk::conjugate_gradients(map, p.b, inverse, {.progress = stop_at(5)});
  BOOST_TEST(!half.converged);
  BOOST_TEST(half.iterations[0] == 5u);
  BOOST_TEST(std::abs(half.residuals[0] / seen.back() - 1) < 1e-6);
  const auto whole = ntk::conjugate_gradients(map, p.b, inverse, {.start = half.x});
  BOOST_TEST(whole.converged);
  const auto at_once = ntk::conjugate_gradients(map, p.b, inverse);
  BOOST_TEST(relative_error(whole.x, at_once.x) < 1e-6);
  BOOST_TEST(whole.iterations[0] < at_once.iterations[0]);
  seen.clear();
  ntk::conjugate_gradients(map, p.b, inverse, {.progress = stop_at(1000)});
  BOOST_TEST(seen.back() <= 1e-8);
  BOOST_TEST(seen.size() == at_once.iterations[0]);
  // Where b is 0, so is the solution, wherever it starts.
  const auto zero = ntk::conjugate_gradients(map, Array<double>::zeros(p.b.shape()), inverse, {.start = half.x});
  BOOST_TEST(zero.converged);
  BOOST_TEST(same_bits(zero.x, Array<double>::zeros(p.b.shape())));
  // A run that starts from the solution has nothing to do.
  BOOST_TEST(ntk::conjugate_gradients(map, p.b, inverse, {.start = at_once.x}).iterations[0] == 0u);
}

BOOST_AUTO_TEST_CASE(says_why_it_cannot_solve) {
  const std::size_t n = 40;
  Array<double> k = positive_matrix(n);
  Random random("wrong");
  const Array<double> b = random_array(random, {n, 2});
  const auto map = ntk::linear_map(k);
  const std::string few =
      message_of<numerical_error>([&] { ntk::conjugate_gradients(map, b, {}, {.max_iterations = 3}); });
  BOOST_TEST(has(few, "after 3 iterations the residual is "), few);
  BOOST_TEST(has(few, "Raise max_iterations"), few);
  const auto partial = ntk::conjugate_gradients(map, b, {}, {.max_iterations = 3, .partial = true});
  BOOST_TEST(!partial.converged);
  for (std::size_t c = 0; c < 2; ++c) {
    const auto column = picked(partial.x, range(0, n), {c}), of_b = picked(b, range(0, n), {c});
    const Array<double> r = plus(of_b, product(k, column), -1);
    BOOST_TEST(std::abs(std::sqrt(inner(r, r) / inner(of_b, of_b)) / partial.residuals[c] - 1) < 1e-9);
  }
  const std::string exact =
      message_of<numerical_error>([&] { ntk::conjugate_gradients(map, b, {}, {.tolerance = 1e-30}); });
  BOOST_TEST(has(exact, "Rounding allows no more"), exact);
  k.mutable_data()[5 * (n + 1)] = -3;
  const std::string indefinite = message_of<numerical_error>([&] { ntk::conjugate_gradients(ntk::linear_map(k), b); });
  BOOST_TEST(has(indefinite, "the map is not positive definite: p^T A p is -"), indefinite);
  const ntk::Preconditioner negative = [](const Array<double>& u) { return plus(u, u, -2); };
  const std::string preconditioner = message_of<numerical_error>([&] { ntk::conjugate_gradients(map, b, negative); });
  BOOST_TEST(has(preconditioner, "the preconditioner is not positive definite"), preconditioner);
}

BOOST_AUTO_TEST_CASE(refuses_columns_whose_squares_are_no_numbers) {
  const auto map = ntk::linear_map(positive_matrix(5));
  Array<double> b = Array<double>::ones({5, 2});
  const auto refused = [&](double value) {
    for (std::size_t i = 0; i < 5; ++i) b.mutable_data()[2 * i + 1] = value;
    return message_of<numerical_error>([&] { ntk::conjugate_gradients(map, b); });
  };
  BOOST_TEST(has(refused(1e-170), "column 1 of b are too small"));
  BOOST_TEST(has(refused(1e170), "column 1 of b are not finite, or too large"));
}

BOOST_AUTO_TEST_CASE(iterates_on_an_approximation) {
  const std::size_t n = 40;
  const Array<double> k = positive_matrix(n, 1.0);
  Random random("approximation");
  const Array<double> b = random_array(random, {n, 3}), exact = eliminated(k, b);
  const auto map = ntk::linear_map(k);
  Array<double> near = k.clone();  // every entry off by up to 1e-6 of the largest
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j)
      near.mutable_data()[i * n + j] = near.mutable_data()[j * n + i] = k[i * n + j] + 1e-5 * random.uniform();
  std::vector<std::size_t> seen;
  const auto found = ntk::refined_conjugate_gradients(map, ntk::linear_map(near), b, {},
                                                      {.tolerance = 1e-12, .progress = [&](const auto& p) {
                                                         seen.push_back(p.iteration);
                                                         return true;
                                                       }});
  BOOST_TEST(found.converged);
  BOOST_TEST(relative_error(found.x, exact) < 1e-10);
  for (std::size_t i = 0; i < seen.size(); ++i) BOOST_TEST(seen[i] == i + 1);
  // Without exact residuals the error stays that of the approximation.
  BOOST_TEST(relative_error(ntk::conjugate_gradients(ntk::linear_map(near), b, {}, {.tolerance = 1e-12}).x, exact) >
             1e-9);
  const auto half = ntk::refined_conjugate_gradients(map, ntk::linear_map(near), b, {},
                                                     {.progress = [](const auto& p) { return p.iteration < 5; }});
  BOOST_TEST(!half.converged);
  BOOST_TEST(half.iterations[0] == 5u);
  const auto rest = ntk::refined_conjugate_gradients(map, ntk::linear_map(near), b, {}, {.start = half.x});
  BOOST_TEST(relative_error(rest.x, exact) < 1e-6);
  BOOST_TEST(rest.iterations[0] < found.iterations[0]);
  BOOST_CHECK_THROW(ntk::refined_conjugate_gradients(map, ntk::linear_map(near), b, {}, {.max_iterations = 3}),
                    numerical_error);
  BOOST_TEST(
      !ntk::refined_conjugate_gradients(map, ntk::linear_map(near), b, {}, {.max_iterations = 3, .partial = true})
           .converged);
  // An approximation that is far off, or not positive definite, is given up.
  for (double wrong : {0.01, -1.0}) {
    const auto far =
        ntk::refined_conjugate_gradients(map, ntk::linear_map(identity(n, wrong)), b, {}, {.tolerance = 1e-12});
    BOOST_TEST(relative_error(far.x, exact) < 1e-10);
  }
  BOOST_CHECK_THROW(ntk::refined_conjugate_gradients(map, ntk::linear_map(identity(3)), b), shape_error);
  BOOST_CHECK_THROW(ntk::refined_conjugate_gradients(map, map, b, {}, {.tolerance = 0}), option_error);
  BOOST_TEST(ntk::refined_conjugate_gradients(map, map, Array<double>::ones({n, 0})).converged);
  BOOST_TEST(ntk::refined_conjugate_gradients(map, map, Array<double>::zeros({n})).converged);
}

// Exact residuals on the way do not make the iteration forget: a map in float takes as many steps as one in double.
BOOST_AUTO_TEST_CASE(renewed_residuals_cost_no_steps) {
  const std::size_t n = 400;
  Array<double> k = identity(n);
  for (std::size_t i = 0; i < n; ++i) k.mutable_data()[i * (n + 1)] = 1 + 0.7 * static_cast<double>(i * i);
  Random random("renewed");
  const Array<double> b = random_array(random, {n, 2});
  Array<double> rounded(k.shape());
  for (std::size_t i = 0; i < k.size(); ++i) rounded.mutable_data()[i] = static_cast<float>(k[i]);
  const auto map = ntk::linear_map(k), narrow = ntk::linear_map(rounded);
  const ntk::ConjugateGradientOptions options{.tolerance = 1e-6, .max_iterations = 5000};
  const auto exact = ntk::conjugate_gradients(map, b, {}, options);
  const auto found = ntk::refined_conjugate_gradients(map, narrow, b, {}, options);
  for (std::size_t c = 0; c < 2; ++c) {
    BOOST_TEST(found.residuals[c] <= 1e-6);
    BOOST_TEST(found.iterations[c] < 1.1 * static_cast<double>(exact.iterations[c]));
  }
  BOOST_TEST_MESSAGE("iterations: " << exact.iterations[0] << ", refined " << found.iterations[0]);
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
  const auto map = ntk::linear_map(positive_matrix(4));
  const Array<double> b = Array<double>::ones({4});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_CHECK_THROW(ntk::conjugate_gradients({}, b), shape_error);
  BOOST_CHECK_THROW(ntk::conjugate_gradients(map, Array<double>::ones({5})), shape_error);
  BOOST_CHECK_THROW(ntk::conjugate_gradients(map, Array<double>::full({4}, nan)), numerical_error);
  BOOST_CHECK_THROW(ntk::conjugate_gradients(map, b, {}, {.tolerance = 0}), option_error);
  BOOST_CHECK_THROW(ntk::conjugate_gradients(map, b, {}, {.ridge = -1}), option_error);
  BOOST_CHECK_THROW(ntk::conjugate_gradients(map, b, {}, {.start = Array<double>::ones({4, 1})}), shape_error);
  const ntk::Preconditioner misshapen = [](const Array<double>&) { return Array<double>::ones({2}); };
  BOOST_CHECK_THROW(ntk::conjugate_gradients(map, b, misshapen), shape_error);
  const ntk::Preconditioner broken = [&](const Array<double>& u) { return Array<double>::full(u.shape(), nan); };
  BOOST_CHECK_THROW(ntk::conjugate_gradients(map, b, broken), numerical_error);
  BOOST_TEST(ntk::conjugate_gradients(map, Array<double>::ones({4, 0})).converged);
}

BOOST_AUTO_TEST_SUITE_END()
