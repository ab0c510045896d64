// Linear algebra on kernels.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "ntk/spectrum.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// A A^T + 0.1 I
Array<double> positive_matrix(std::size_t n) {
  Random random("positive");
  const Array<double> a = random_array(random, {n, n});
  Array<double> k = Array<double>::zeros({n, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t l = 0; l < n; ++l) k.mutable_data()[i * n + j] += a[i * n + l] * a[j * n + l];
      if (i == j) k.mutable_data()[i * n + j] += 0.1;
    }
  return k;
}

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
  // Ridgeless predictions do not see the scale of the kernel.
  const auto pntk = ntk::pntk(p.net, p.params, p.x), pntk_new = ntk::pntk(p.net, p.params, p.x_new, p.x);
  Array<double> twice = pntk.clone(), twice_new = pntk_new.clone();
  for (std::size_t i = 0; i < twice.size(); ++i) twice.mutable_data()[i] *= 2;
  for (std::size_t i = 0; i < twice_new.size(); ++i) twice_new.mutable_data()[i] *= 2;
  BOOST_TEST(difference(ntk::Regression(twice).predict(twice_new, p.y, p.f0, p.f0_new),
                        ntk::Regression(pntk).predict(pntk_new, p.y, p.f0, p.f0_new)) < 1e-10);
}

// On a very wide network, gradient descent on the squared error moves the outputs as the kernel at initialization says:
// f_{t+1} - y = (I - rate Theta) (f_t - y), at new points f_{t+1} = f_t - rate Theta_new (f_t - y).
BOOST_AUTO_TEST_CASE(gradient_descent_of_a_wide_network_follows_its_kernel) {
  const nn::WeightOptions ntk{.parameterization = nn::Parameterization::ntk};
  Random random("descent");
  const std::size_t n = 5, m = 3, o = 2, steps = 60;
  const Array<double> x = random_array(random, {n, 4}), x_new = random_array(random, {m, 4}), y = random_array(random, {n, o});
  std::vector<double> errors;
  for (std::size_t width : {512, 8192}) {
    const auto net = nn::sequential(nn::Linear(4, width, ntk), nn::Tanh(), nn::Linear(width, o, ntk));
    auto params = net.init<double>(3);
    const auto theta = ntk::entk(net, params, x), theta_new = ntk::entk(net, params, x_new, x);
    const double rate = 0.5 * ntk::maximal_learning_rate(ntk::eigenvalues(theta));
    Array<double> f = net(params, x).clone(), f_new = net(params, x_new).clone();
    const Array<double> start = f_new.clone();
    for (std::size_t t = 0; t < steps; ++t) {
      Array<double> residual({n * o});
      for (std::size_t i = 0; i < n * o; ++i) residual.mutable_data()[i] = f[i] - y[i];
      for (std::size_t i = 0; i < n * o; ++i)
        for (std::size_t j = 0; j < n * o; ++j) f.mutable_data()[i] -= rate * theta[i * n * o + j] * residual[j];
      for (std::size_t i = 0; i < m * o; ++i)
        for (std::size_t j = 0; j < n * o; ++j) f_new.mutable_data()[i] -= rate * theta_new[i * n * o + j] * residual[j];

      Tape<double> tape;
      const auto run = net.record(tape, params, x);
      Array<double> seed(run.output.shape());
      for (std::size_t i = 0; i < seed.size(); ++i) seed.mutable_data()[i] = run.output.value()[i] - y[i];
      const auto gradients = pullback<double>(run.output, Var<double>(seed), run.parameters);
      Array<double> flat = params.flat();
      std::size_t at = 0;
      for (const Var<double>& g : gradients)
        for (std::size_t i = 0; i < g.size(); ++i) flat.mutable_data()[at++] -= rate * g.value()[i];
      params.set_flat(flat);
    }
    BOOST_TEST(ntk::relative_difference(f_new, start) > 0.1);  // it moved
    errors.push_back(ntk::relative_difference(net(params, x_new), f_new) + ntk::relative_difference(net(params, x), f));
  }
  BOOST_TEST(errors[1] < 0.02);
  BOOST_TEST(errors[1] < 0.5 * errors[0]);
}

BOOST_AUTO_TEST_CASE(eigenvalues_of_known_matrices) {
  // The path graph's Laplacian plus I: 1 + 2 - 2 cos(pi k / n)
  const std::size_t n = 12;
  Array<double> k = Array<double>::zeros({n, n});
  double* to = k.mutable_data();
  for (std::size_t i = 0; i < n; ++i) to[i * n + i] = 1 + (i == 0 || i == n - 1 ? 1.0 : 2.0);
  for (std::size_t i = 0; i + 1 < n; ++i) to[i * n + i + 1] = to[(i + 1) * n + i] = -1;
  const auto values = ntk::eigenvalues(k);
  for (std::size_t i = 0; i < n; ++i)
    BOOST_TEST(std::abs(values[i] - (3 - 2 * std::cos(std::acos(-1.0) * static_cast<double>(i) / n))) < 1e-13);
  BOOST_TEST(std::abs(ntk::condition_number(values) - values.back()) < 1e-12);
  BOOST_TEST(std::abs(ntk::maximal_learning_rate(values) - 2 / values.back()) < 1e-15);
}

BOOST_AUTO_TEST_CASE(differences_of_kernels) {
  const Problem p;
  const auto entk = ntk::entk(p.net, p.params, p.x), pntk = ntk::pntk(p.net, p.params, p.x);
  Array<double> expanded = Array<double>::zeros({21, 21});  // K (x) I, formed here only
  for (std::size_t n = 0; n < 7; ++n)
    for (std::size_t m = 0; m < 7; ++m)
      for (std::size_t o = 0; o < 3; ++o) expanded.mutable_data()[(n * 3 + o) * 21 + m * 3 + o] = pntk[n * 7 + m];
  BOOST_TEST(std::abs(ntk::relative_frobenius(entk, pntk, 3) - ntk::relative_difference(expanded, entk)) < 1e-14);
  Array<double> scaled = entk.clone();
  for (std::size_t i = 0; i < scaled.size(); ++i) scaled.mutable_data()[i] *= 3;
  BOOST_TEST(std::abs(ntk::alignment(entk, scaled) - 1) < 1e-14);
  BOOST_TEST(ntk::kernel_distance(entk, expanded) > 1e-8);
  BOOST_TEST(std::abs(ntk::log_log_slope({1, 10, 100}, {2, 0.2, 0.02}) + 1) < 1e-12);
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array<double> k = positive_matrix(4);
  BOOST_CHECK_THROW(ntk::Regression(Array<double>::ones({2, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::Regression(Array<double>()), shape_error);
  BOOST_CHECK_THROW(ntk::Regression(k, {.ridge = -1}), numerical_error);
  BOOST_CHECK_THROW(ntk::Regression(k).solve(Array<double>::ones({5})), shape_error);
  BOOST_CHECK_THROW(ntk::eigenvalues(Array<double>::ones({2, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::eigenvalues(Array<double>::from({2, 2}, {1, 2, 3, 4})), numerical_error);
  BOOST_CHECK_THROW(ntk::relative_frobenius(k, k, 2), shape_error);
  BOOST_CHECK_THROW(ntk::relative_frobenius(Array<double>::zeros({4, 4}), k, 1), numerical_error);
  BOOST_CHECK_THROW(ntk::log_log_slope({1, 1}, {1, 2}), numerical_error);
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
