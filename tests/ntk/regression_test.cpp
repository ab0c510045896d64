// Linear algebra on kernels.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "ntk/dynamics.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

struct Problem {
  nn::Sequential net = nn::sequential(nn::Linear(6, 300), nn::Tanh(), nn::Linear(300, 3));
  nn::Parameters<double> params = net.init<double>(1);
  Array<double> x, x_new, y, f0, f0_new;
  Problem() {
    Random random("problem");
    x = random_array(random, {7, 6});
    x_new = random_array(random, {4, 6});
    y = random_array(random, {7, 3});
    f0 = net(params, x);
    f0_new = net(params, x_new);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(regression)

BOOST_AUTO_TEST_CASE(solves_what_it_factored) {
  for (std::size_t n : {1, 2, 17, 130}) {
    const Array<double> k = positive_matrix(n);
    Random random("rhs");
    const Array<double> y = random_array(random, {n, 3});
    for (double ridge : {0.0, 0.5}) {
      const ntk::Regression r(k, {.ridge = ridge, .relative = false});
      const Array<double> x = r.solve(y);
      double worst = 0;
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < 3; ++c) {
          double sum = ridge * x[i * 3 + c];
          for (std::size_t j = 0; j < n; ++j) sum += k[i * n + j] * x[j * 3 + c];
          worst = std::max(worst, std::abs(sum - y[i * 3 + c]));
        }
      BOOST_TEST(worst < 1e-9);
    }
  }
}

BOOST_AUTO_TEST_CASE(relative_ridge_is_in_units_of_the_mean_diagonal) {
  const Array<double> k = positive_matrix(5);
  double mean = 0;
  for (std::size_t i = 0; i < 5; ++i) mean += k[i * 6] / 5;
  BOOST_TEST(std::abs(ntk::Regression(k, {.ridge = 0.25}).ridge() - 0.25 * mean) < 1e-14);
}

BOOST_AUTO_TEST_CASE(interpolates_the_training_points) {
  const Problem p;
  const auto pntk = ntk::pntk(p.net, p.params, p.x);
  const auto entk = ntk::entk(p.net, p.params, p.x);
  BOOST_TEST(difference(ntk::Regression(pntk).predict(pntk, p.y, p.f0, p.f0), p.y) < 1e-8);
  BOOST_TEST(difference(ntk::Regression(entk).predict(entk, p.y, p.f0, p.f0), p.y) < 1e-8);
}

BOOST_AUTO_TEST_CASE(predictions_by_hand) {
  const Problem p;
  const auto entk = ntk::entk(p.net, p.params, p.x);
  const auto entk_new = ntk::entk(p.net, p.params, p.x_new, p.x);
  const ntk::Regression r(entk);
  Array<double> residual({21, 1});
  for (std::size_t i = 0; i < 21; ++i) residual.mutable_data()[i] = p.y[i] - p.f0[i];
  const Array<double> weights = r.solve(residual);
  const Array<double> out = r.predict(entk_new, p.y, p.f0, p.f0_new);
  for (std::size_t i = 0; i < 12; ++i) {
    double sum = p.f0_new[i];
    for (std::size_t j = 0; j < 21; ++j) sum += entk_new[i * 21 + j] * weights[j];
    BOOST_TEST(std::abs(sum - out[i]) < 1e-10);
  }
  // Predictions without ridge do not depend on the scale of the kernel.
  const auto pntk = ntk::pntk(p.net, p.params, p.x), pntk_new = ntk::pntk(p.net, p.params, p.x_new, p.x);
  Array<double> twice = pntk.clone(), twice_new = pntk_new.clone();
  for (std::size_t i = 0; i < twice.size(); ++i) twice.mutable_data()[i] *= 2;
  for (std::size_t i = 0; i < twice_new.size(); ++i) twice_new.mutable_data()[i] *= 2;
  BOOST_TEST(difference(ntk::Regression(twice).predict(twice_new, p.y, p.f0, p.f0_new),
                        ntk::Regression(pntk).predict(pntk_new, p.y, p.f0, p.f0_new)) < 1e-10);
}

BOOST_AUTO_TEST_CASE(float_kernels_follow_double) {
  const Problem p;
  for (bool full : {false, true}) {
    const auto k = full ? ntk::entk(p.net, p.params, p.x) : ntk::pntk(p.net, p.params, p.x);
    const auto k_new = full ? ntk::entk(p.net, p.params, p.x_new, p.x) : ntk::pntk(p.net, p.params, p.x_new, p.x);
    const auto exact = ntk::Regression(k, {.ridge = 0.01}).predict(k_new, p.y, p.f0, p.f0_new);
    const ntk::Regression single(cast<float>(k), {.ridge = 0.01});
    BOOST_TEST(difference(single.predict(cast<float>(k_new), p.y, p.f0, p.f0_new), exact) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(takes_xtensor_kernels) {
  const Problem p;
  const xt::xarray<double> k = ntk::pntk(p.net, p.params, p.x);
  const xt::xarray<float> single = xt::cast<float>(k);
  BOOST_TEST(difference(ntk::Regression(k).predict(k, p.y, p.f0, p.f0), p.y) < 1e-8);
  BOOST_TEST(difference(ntk::predict(k, ntk::Regression(k).weights(p.y, p.f0), p.f0), p.y) < 1e-8);
  const ntk::CholeskyOptions ridge{.ridge = 1e-3};
  BOOST_TEST(difference(ntk::Regression(single, ridge).predict(single, p.y, p.f0, p.f0),
                        ntk::Regression(k, ridge).predict(k, p.y, p.f0, p.f0)) < 1e-5);
}

// What a network of float gives goes in as it is, and so do xtensor expressions.
BOOST_AUTO_TEST_CASE(takes_outputs_of_float) {
  const Problem p;
  const Array<double> k = ntk::pntk(p.net, p.params, p.x);
  const Array<float> y = cast<float>(p.y), f0 = cast<float>(p.f0);
  const Array<double> wide_y = to_double(y), wide_f0 = to_double(f0);
  const ntk::Regression r(k, {.ridge = 0.01});
  const Array<double> expected = r.predict(k, wide_y, wide_f0, wide_f0);
  BOOST_TEST(same_bits(r.predict(k, y, f0, f0), expected));
  BOOST_TEST(same_bits(ntk::predict(k, r.weights(y, f0), f0), expected));
  const xt::xarray<float> y_xt = y, f0_xt = f0;
  BOOST_TEST(
      same_bits(r.predict(cast<float>(k), y_xt, f0_xt, f0_xt), r.predict(cast<float>(k), wide_y, wide_f0, wide_f0)));
  BOOST_TEST(same_bits(r.leave_one_out(y, f0), r.leave_one_out(wide_y, wide_f0)));
  BOOST_TEST(
      same_bits(ntk::Dynamics(k, y, f0).outputs_at_time(0.3), ntk::Dynamics(k, wide_y, wide_f0).outputs_at_time(0.3)));
}

// The posterior by dense formulas: K** - K* (K + ridge)^-1 K*^T.
BOOST_AUTO_TEST_CASE(posterior_of_a_gaussian_process) {
  const Array<double> joint = positive_matrix(30);
  const auto old = range(0, 22), fresh = range(22, 30);
  const Array<double> k = picked(joint, old, old), k_new = picked(joint, fresh, old),
                      prior = picked(joint, fresh, fresh);
  for (double ridge : {0.0, 0.7}) {
    const ntk::Regression r(k, {.ridge = ridge, .relative = false});
    const Array<double> gain = transposed(eliminated(plus(k, identity(22), ridge), transposed(k_new)));
    const Array<double> expected = plus(prior, product(gain, transposed(k_new)), -1);
    Array<double> variances({8}), expected_variances({8});
    for (std::size_t i = 0; i < 8; ++i) {
      variances.mutable_data()[i] = prior[i * 9];
      expected_variances.mutable_data()[i] = expected[i * 9];
    }
    const Array<double> covariance = r.posterior_covariance(k_new, prior);
    BOOST_TEST(relative_error(covariance, expected) < 1e-10);
    BOOST_TEST(difference(covariance, transposed(covariance)) == 0);
    BOOST_TEST(relative_error(r.posterior_variance(k_new, variances), expected_variances) < 1e-10);
    const ntk::Regression single(cast<float>(k), {.ridge = ridge, .relative = false});
    BOOST_TEST(relative_error(single.posterior_covariance(cast<float>(k_new), prior), expected) < 1e-3);
    BOOST_TEST(relative_error(single.posterior_variance(cast<float>(k_new), variances), expected_variances) < 1e-3);
    // Without noise the posterior variance at training points is 0.
    if (ridge == 0) {
      Array<double> own({22});
      for (std::size_t i = 0; i < 22; ++i) own.mutable_data()[i] = k[i * 23];
      for (double v : {r.posterior_variance(k, own)[0], r.posterior_variance(k, own)[21]}) {
        BOOST_TEST(v >= 0);
        BOOST_TEST(v < 1e-10);
      }
    }
  }
}

// Compares with a regression without the example, for both forms of kernels.
BOOST_AUTO_TEST_CASE(leaving_one_out_is_refitting) {
  const Problem p;
  for (bool full : {false, true}) {
    const std::size_t o = full ? 3 : 1;
    const auto k = full ? ntk::entk(p.net, p.params, p.x) : ntk::pntk(p.net, p.params, p.x);
    for (double ridge : {0.0, 2.0}) {
      const ntk::CholeskyOptions options{.ridge = ridge, .relative = false};
      const Array<double> found = ntk::Regression(k, options).leave_one_out(p.y, p.f0);
      for (std::size_t left = 0; left < 7; ++left) {
        std::vector<std::size_t> kept, rows, out = range(left * o, (left + 1) * o);
        for (std::size_t i = 0; i < 7; ++i)
          if (i != left) kept.push_back(i);
        for (std::size_t i : kept)
          for (std::size_t c = 0; c < o; ++c) rows.push_back(i * o + c);
        const auto outputs = range(0, 3);
        const Array<double> expected = ntk::Regression(picked(k, rows, rows), options)
                                           .predict(picked(k, out, rows), picked(p.y, kept, outputs),
                                                    picked(p.f0, kept, outputs), picked(p.f0, {left}, outputs));
        BOOST_TEST(difference(found.rows(left, left + 1), expected) < 1e-9);
      }
    }
  }
}

// Compares with I - H, which is formed here.
BOOST_AUTO_TEST_CASE(generalized_cross_validation_by_the_smoother) {
  const std::size_t n = 25;
  const Array<double> k = positive_matrix(n);
  Random random("gcv");
  const Array<double> y = random_array(random, {n, 3}), f0 = random_array(random, {n, 3});
  const ntk::CholeskyOptions options{.ridge = 0.4, .relative = false};
  const Array<double> h = transposed(eliminated(plus(k, identity(n), 0.4), k));
  const Array<double> rest = plus(identity(n), h, -1), errors = product(rest, plus(y, f0, -1));
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += rest[i * (n + 1)];
  const double expected = n * inner(errors, errors) / 3 / (trace * trace);
  BOOST_TEST(std::abs(ntk::Regression(k, options).generalized_cross_validation(y, f0) / expected - 1) < 1e-10);
}

// One example of an eNTK has O rows.
BOOST_AUTO_TEST_CASE(examples_come_and_go) {
  const Problem p;
  const auto k = ntk::entk(p.net, p.params, p.x), k_new = ntk::entk(p.net, p.params, p.x_new, p.x);
  const auto first = range(0, 15), last = range(15, 21), outputs = range(0, 3);
  ntk::Regression r(picked(k, first, first));
  r.append(picked(k, last, first), picked(k, last, last));
  BOOST_TEST(difference(r.predict(k_new, p.y, p.f0, p.f0_new), ntk::Regression(k).predict(k_new, p.y, p.f0, p.f0_new)) <
             1e-9);
  r.remove(0, 3);
  const auto kept = range(3, 21), examples = range(1, 7);
  const ntk::Regression expected(picked(k, kept, kept));
  const auto y = picked(p.y, examples, outputs), f0 = picked(p.f0, examples, outputs);
  const auto shorter = picked(k_new, range(0, 12), kept);
  BOOST_TEST(difference(r.predict(shorter, y, f0, p.f0_new), expected.predict(shorter, y, f0, p.f0_new)) < 1e-9);
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array<double> k = positive_matrix(4);
  BOOST_CHECK_THROW(ntk::Regression(Array<double>::ones({2, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::Regression(Array<double>{}), shape_error);
  BOOST_CHECK_THROW(ntk::Regression(k, {.ridge = -1}), option_error);
  BOOST_CHECK_THROW(ntk::Regression(k).solve(Array<double>::ones({5})), shape_error);
  const ntk::Regression r(k);
  const Array<double> y = Array<double>::ones({4, 2});
  BOOST_CHECK_THROW(r.predict(k, y, Array<double>::ones({4, 3}), y), shape_error);
  BOOST_CHECK_THROW(r.predict(k, Array<double>::ones({3, 2}), Array<double>::ones({3, 2}), y), shape_error);
  BOOST_CHECK_THROW(r.predict(Array<double>::ones({4, 3}), y, y, y), shape_error);
  BOOST_CHECK_THROW(r.predict(k, y, y, Array<double>::ones({4, 1})), shape_error);
  BOOST_CHECK_THROW(r.posterior_variance(k, Array<double>::ones({3})), shape_error);
  BOOST_CHECK_THROW(r.posterior_covariance(k, Array<double>::ones({3, 3})), shape_error);
  BOOST_CHECK_THROW(r.leave_one_out(y, Array<double>::ones({4, 1})), shape_error);
  // Duplicate examples make the kernel singular.
  const auto net = nn::sequential(nn::Linear(3, 8), nn::Relu(), nn::Linear(8, 2));
  Array<double> x = Array<double>::from({3, 3}, {1, 2, 3, 1, 2, 3, -1, 0, 1});
  try {
    ntk::Regression{ntk::pntk(net, net.init<double>(1), x)};
    BOOST_ERROR("no numerical_error");
  } catch (const numerical_error& e) {
    BOOST_TEST(std::string(e.what()).find("duplicate") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
