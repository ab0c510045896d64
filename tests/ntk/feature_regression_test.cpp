// Kernels, regression and attribution from features, beside those from the kernel that the features make.
#include "ntk/feature_regression.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/computation/feature_products.hpp"
#include "ntk/kernel.hpp"
#include "ntk/spectrum.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// 14 examples with 6 numbers, of which the third is always 0, or with 20.
struct Given {
  Random random{"feature regression"};
  Array<double> few = random_array(random, {14, 6}), many = random_array(random, {14, 20});
  Array<double> few_new = random_array(random, {5, 6}), many_new = random_array(random, {5, 20});
  Array<double> y = random_array(random, {14, 3}), f0 = random_array(random, {14, 3}),
                f0_new = random_array(random, {5, 3}), misses = random_array(random, {14}, 0, 1);

  Given() {
    for (std::size_t n = 0; n < 14; ++n) few.mutable_data()[n * 6 + 2] = 0;
  }
};

Array<double> gram(const Array<double>& a, const Array<double>& b) { return product(a, transposed(b)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(feature_regression)

BOOST_AUTO_TEST_CASE(kernels_and_products_are_those_of_the_array) {
  const Given g;
  const Array<double> k = gram(g.few, g.few);
  BOOST_TEST(relative_error(ntk::feature_kernel(g.few), k) < 1e-14);
  BOOST_TEST(symmetric_to_the_bit(ntk::feature_kernel(g.few)));
  BOOST_TEST(relative_error(ntk::feature_kernel(g.few_new, g.few), gram(g.few_new, g.few)) < 1e-14);
  BOOST_TEST(relative_error(ntk::feature_kernel(cast<float>(g.few)), k) < 1e-6);
  const ntk::LinearMap map = ntk::feature_map(g.few);
  BOOST_TEST(relative_error(map(g.y), product(k, g.y)) < 1e-14);
  const auto largest = ntk::largest_eigenvalues(map, 2);
  const auto all = ntk::eigenvalues(k);
  BOOST_TEST(std::abs(largest.values[1] / all[13] - 1) < 1e-9);
  BOOST_TEST(std::abs(largest.values[0] / all[12] - 1) < 1e-9);
  BOOST_TEST(has(message_of<shape_error>([&] { ntk::feature_kernel(g.few, g.many); }), "of 6 and of 20 numbers"));
  BOOST_CHECK_THROW(ntk::feature_kernel(g.misses), shape_error);
}

// More rows than a block of 64 MiB has.
BOOST_AUTO_TEST_CASE(blocks_of_rows_make_the_same_kernel) {
  Random random("blocks");
  const Array<double> wide = random_array(random, {5, 1 << 21});
  const Array<double> k = ntk::feature_kernel(wide), cross = ntk::feature_kernel(wide.rows(0, 2), wide);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j) {
      const double expected = inner(wide.rows(i, i + 1), wide.rows(j, j + 1));
      BOOST_TEST(std::abs(k[i * 5 + j] - expected) < 1e-6 * k[0]);
      if (i < 2) BOOST_TEST(std::abs(cross[i * 5 + j] - expected) < 1e-6 * k[0]);
    }
}

// More columns than a panel of 512 has: below the panels on the diagonal nothing is computed.
BOOST_AUTO_TEST_CASE(normal_matrices_are_computed_above_the_diagonal) {
  constexpr std::size_t n = 1200;
  Random random("panels");
  const Array<double> phi = random_array(random, {7, n}), across = transposed(phi);
  const Array<double> expected = product(across, phi);
  const Array<double> found = ntk::normal_matrix(phi);
  BOOST_TEST(relative_error(found, expected) < 1e-14);
  BOOST_TEST(symmetric_to_the_bit(found));
  for (const bool transpose : {true, false}) {
    Array<double> upper = Array<double>::full({n, n}, 99);
    ntk::upper_gram(transpose, n, 7, transpose ? phi.data() : across.data(), transpose ? n : 7, 0, upper.mutable_data(),
                    n);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        wrong += i / 512 > j / 512 ? upper[i * n + j] != 99 : std::abs(upper[i * n + j] - expected[i * n + j]) > 1e-13;
    BOOST_TEST(wrong == 0u);
  }
}

BOOST_AUTO_TEST_CASE(regression_is_that_of_the_kernel) {
  const Given g;
  for (const bool primal : {true, false})
    for (const double ridge : {0.3, 0.01}) {
      const Array<double>&phi = primal ? g.few : g.many, &phi_new = primal ? g.few_new : g.many_new;
      const ntk::FeatureRegression regression(phi, {.ridge = ridge});
      BOOST_TEST(regression.system().primal() == primal);
      const ntk::Regression<double> exact(gram(phi, phi), {.ridge = ridge});
      BOOST_TEST(std::abs(regression.system().ridge() / exact.ridge() - 1) < 1e-12);
      Array<double> seen = phi_new.clone();
      if (primal)
        for (std::size_t n = 0; n < 5; ++n) seen.mutable_data()[n * 6 + 2] = 0;
      const Array<double> expected = exact.predict(gram(seen, phi), g.y, g.f0, g.f0_new);
      BOOST_TEST(relative_error(regression.predict(phi_new, g.y, g.f0, g.f0_new), expected) < 1e-10);
      // All outputs as one right-hand side, with three rows for an example.
      const Array<double> y = g.y.reshaped({14, 3}).rows(0, 12).reshaped({4, 9}), f0 = Array<double>::zeros({4, 9});
      BOOST_CHECK_THROW(regression.weights(y, f0), shape_error);
      const Array<double> one = g.y.reshaped({42}).rows(0, 14).reshaped({7, 2}), zero = Array<double>::zeros({7, 2});
      const Array<double> w = product(transposed(phi), exact.solve(one.reshaped({14, 1})));
      BOOST_TEST(relative_error(regression.weights(one, zero), w) < 1e-9);
      const Array<double> f = regression.predict(phi_new.rows(0, 4), one, zero, Array<double>::zeros({2, 2}));
      BOOST_TEST(relative_error(f, product(phi_new.rows(0, 4), w).reshaped({2, 2})) < 1e-9);
    }
  // Without a ridge and with fewer numbers, least squares: what is left is orthogonal to the features.
  const ntk::FeatureRegression least(g.few);
  const Array<double> rest = plus(plus(g.y, g.f0, -1), product(g.few, least.weights(g.y, g.f0)), -1);
  BOOST_TEST(inner(product(transposed(g.few), rest), product(transposed(g.few), rest)) < 1e-20);
  // And with more, the targets themselves.
  const ntk::FeatureRegression through(g.many);
  BOOST_TEST(relative_error(through.predict(g.many, g.y, g.f0, g.f0), g.y) < 1e-9);
  BOOST_TEST(has(message_of<shape_error>([&] { through.predict(g.few, g.y, g.f0, g.f0); }), "of 6 and of 20 numbers"));
  BOOST_CHECK_THROW(through.predict(g.many_new, g.y, g.f0, g.f0), shape_error);
}

BOOST_AUTO_TEST_CASE(evidence_is_that_of_the_kernel) {
  const Given g;
  for (const Array<double>& phi : {g.few, g.many}) {
    const ntk::FeatureSystem own(phi, {.ridge = 0.03});
    const ntk::Cholesky<double> exact(gram(phi, phi), {.ridge = 0.03});
    BOOST_TEST(std::abs(own.log_determinant() - exact.log_determinant()) < 1e-10);
    BOOST_TEST(relative_error(own.log_evidence(g.y), exact.log_evidence(g.y)) < 1e-10);
    const Array<double> w = own.weights(g.y);
    BOOST_TEST(same_bits(own.log_evidence(g.y, w), own.log_evidence(g.y)));
    BOOST_TEST(relative_error(ntk::feature_product(phi, w), product(phi, w)) < 1e-13);
    BOOST_CHECK_THROW(own.log_evidence(g.y, w.rows(0, 2)), shape_error);
    BOOST_CHECK_THROW(own.log_evidence(g.y.rows(0, 9), w), shape_error);
  }
  BOOST_CHECK_THROW(ntk::FeatureSystem(g.many).log_evidence(g.y), numerical_error);
  BOOST_TEST(ntk::FeatureSystem(g.few).log_determinant() == -std::numeric_limits<double>::infinity());
}

BOOST_AUTO_TEST_CASE(scores_are_those_of_the_kernel) {
  const Given g;
  for (const bool primal : {true, false}) {
    const Array<double>& phi = primal ? g.few : g.many;
    const Array<double> phi_new = phi.rows(2, 7);
    const ntk::FeatureAttribution own(phi, {.ridge = 0.2});
    const ntk::Attribution<double> exact(gram(phi, phi), {.ridge = 0.2});
    BOOST_TEST(relative_error(own.scores(phi_new, g.misses), exact.scores(gram(phi_new, phi), g.misses)) < 1e-10);
    BOOST_TEST(relative_error(own.self_influence(g.misses), exact.self_influence(g.misses)) < 1e-10);
    BOOST_TEST(std::abs(own.ridge() / exact.ridge() - 1) < 1e-12);
    BOOST_TEST(has(message_of<shape_error>([&] { own.scores(phi_new, g.y); }), "[scores] misses (14, 3)"));
    BOOST_CHECK_THROW(own.scores(primal ? g.many : g.few, g.misses), shape_error);
    BOOST_CHECK_THROW(own.self_influence(g.f0), shape_error);
  }
}

BOOST_AUTO_TEST_CASE(folders_do_as_arrays_do) {
  const auto net = nn::sequential(nn::Linear(6, 30), nn::Tanh(), nn::Linear(30, 3));
  const auto params = net.init<float>(2);
  const TemporaryFolder folder;
  Random random("folders");
  const Array<float> x = cast<float>(random_array(random, {40, 6}));
  const ntk::Readout r = ntk::readout::pseudo();
  const auto basis = ntk::feature_basis(net, params, x, r, {.k = 25, .seed = 3});
  const Array<float> phi = ntk::features(net, params, x, r, basis);
  const auto stored = ntk::stored_features(net, params, x, r, basis, {.store = folder / "phi", .part = 7});
  const Array<double> y = random_array(random, {40, 2}), zero = Array<double>::zeros({40, 2});
  const auto w = [&](const ntk::FeatureMatrix& m) {
    return ntk::FeatureRegression(m, {.ridge = 0.1}).weights(y, zero);
  };
  BOOST_TEST(relative_error(w(stored), w(phi)) < 1e-10);
  BOOST_TEST(relative_error(ntk::feature_map(stored)(y), ntk::feature_map(phi)(y)) < 1e-13);
  BOOST_TEST(relative_error(ntk::feature_kernel(stored), ntk::feature_kernel(phi)) < 1e-13);
  BOOST_TEST(relative_error(ntk::feature_kernel(phi, stored), ntk::feature_kernel(phi)) < 1e-13);
}

BOOST_AUTO_TEST_SUITE_END()
