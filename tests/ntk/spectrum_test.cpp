// Eigenvalues of matrices with known eigenvalues: all of them, and those at the ends.
#include "ntk/spectrum.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "autodiff/kernels/lapack.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

const double pi = std::acos(-1.0);

// The Laplacian of the path graph plus a shift. Its eigenvalues are shift + 2 - 2 cos(pi k / n) for k = 0 ... n - 1.
Array<double> path(std::size_t n, double shift) {
  Array<double> k = Array<double>::zeros({n, n});
  double* to = k.mutable_data();
  for (std::size_t i = 0; i < n; ++i) to[i * n + i] = shift + (n == 1 ? 0.0 : i == 0 || i == n - 1 ? 1.0 : 2.0);
  for (std::size_t i = 0; i + 1 < n; ++i) to[i * n + i + 1] = to[(i + 1) * n + i] = -1;
  return k;
}
double path_value(std::size_t n, std::size_t k, double shift) {
  return shift + 2 - 2 * std::cos(pi * static_cast<double>(k) / static_cast<double>(n));
}

// Checks that the vectors are unit vectors with K v = lambda v, in ascending order.
void expect_eigenpairs(const ntk::Eigensystem& found, const Array<double>& k, double tolerance) {
  const std::size_t n = k.shape()[0], m = found.values.size();
  BOOST_TEST((found.vectors.shape() == Shape{m, n}));
  const Array<double> image = product(found.vectors, k);
  for (std::size_t i = 0; i < m; ++i) {
    BOOST_TEST((i == 0 || found.values[i - 1] <= found.values[i]));
    double off = 0, length = 0;
    for (std::size_t j = 0; j < n; ++j) {
      off = std::max(off, std::abs(image[i * n + j] - found.values[i] * found.vectors[i * n + j]));
      length += found.vectors[i * n + j] * found.vectors[i * n + j];
    }
    BOOST_TEST(off < tolerance);
    BOOST_TEST(std::abs(length - 1) < 1e-12);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spectrum)

// What is used above order 32766, with smaller matrices: also with eigenvalues that occur several times.
BOOST_AUTO_TEST_CASE(vectors_of_large_orders_come_from_another_routine) {
  Array<double> twice = Array<double>::zeros({80, 80});
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 40; ++j)
      for (std::size_t block : {0, 40}) twice.mutable_data()[(block + i) * 80 + block + j] = path(40, 1)(i, j);
  for (const Array<double>& k : {path(1, 1), path(2, 1), path(150, 1), positive_matrix(60), identity(30, 2), twice}) {
    const std::size_t n = k.shape()[0];
    ntk::Eigensystem found{{}, k.clone()};
    found.values = kernels::symmetric_eigenvectors(n, found.vectors.mutable_data(), 0);
    BOOST_TEST(difference(Array<double>::from({n}, found.values), Array<double>::from({n}, ntk::eigenvalues(k))) <
               1e-13 * (1 + found.values.back()));
    expect_eigenpairs(found, k, 1e-12 * (1 + found.values.back()));
    BOOST_TEST(difference(product(found.vectors, transposed(found.vectors)), identity(n)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(all_of_known_matrices) {
  for (std::size_t n : {1, 2, 12, 150}) {
    const auto values = ntk::eigenvalues(path(n, 1));
    for (std::size_t i = 0; i < n; ++i) BOOST_TEST(std::abs(values[i] - path_value(n, i, 1)) < 1e-13);
    BOOST_TEST(std::abs(ntk::condition_number(values) - values.back()) < 1e-12);
    BOOST_TEST(std::abs(ntk::maximal_learning_rate(values) - 2 / values.back()) < 1e-15);
    const auto system = ntk::eigensystem(path(n, 1));
    BOOST_TEST(difference(Array<double>::from({n}, system.values), Array<double>::from({n}, values)) < 1e-13);
    expect_eigenpairs(system, path(n, 1), 1e-12);
    const auto single = ntk::eigenvalues(cast<float>(path(n, 1)));  // the entries are whole numbers, so nothing is lost
    for (std::size_t i = 0; i < n; ++i) BOOST_TEST(std::abs(single[i] - values[i]) < 1e-13);
  }
  const xt::xarray<double> expression = {{2.0, 1.0}, {1.0, 2.0}};
  BOOST_TEST(std::abs(ntk::eigenvalues(expression)[1] - 3) < 1e-14);
}

BOOST_AUTO_TEST_CASE(ends_by_lanczos) {
  for (std::size_t n : {1, 2, 19, 25, 60, 300})
    for (std::size_t count : {1, 3, 12}) {
      if (count > n) continue;
      const Array<double> k = path(n, 0.5);
      const auto map = ntk::linear_map(k);
      const auto large = ntk::largest_eigenvalues(map, count), small = ntk::smallest_eigenvalues(map, count),
                 inverse = ntk::smallest_eigenvalues_by_inverse(k, count);
      for (std::size_t i = 0; i < count; ++i) {
        BOOST_TEST(std::abs(large.values[i] - path_value(n, n - count + i, 0.5)) < 1e-9);
        BOOST_TEST(std::abs(small.values[i] - path_value(n, i, 0.5)) < 1e-9);
        BOOST_TEST(std::abs(inverse.values[i] - path_value(n, i, 0.5)) < 1e-9);
      }
      expect_eigenpairs(large, k, 1e-8);
      expect_eigenpairs(small, k, 1e-8);
      expect_eigenpairs(inverse, k, 1e-7);
    }
}

BOOST_AUTO_TEST_CASE(by_lanczos_of_kernels_of_any_size) {
  const std::size_t n = 200;
  for (const double size : {1e-290, 1e-25, 1e-15, 1e25, 1e290}) {
    Array<double> k = path(n, 0.5);
    for (std::size_t i = 0; i < k.size(); ++i) k.mutable_data()[i] *= size;
    const auto large = ntk::largest_eigenvalues(ntk::linear_map(k), 3);
    for (std::size_t i = 0; i < 3; ++i)
      BOOST_TEST(std::abs(large.values[i] / size - path_value(n, n - 3 + i, 0.5)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(of_kernels_and_twice_the_same) {
  const auto net = nn::sequential(nn::Linear(5, 40), nn::Tanh(), nn::Linear(40, 3));
  Random random("spectrum");
  const auto theta = ntk::entk(net, net.init<double>(2), random_array(random, {30, 5}));
  const auto values = ntk::eigenvalues(theta);
  const auto large = ntk::largest_eigenvalues(ntk::linear_map(theta), 4);
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(std::abs(large.values[i] / values[86 + i] - 1) < 1e-10);
  BOOST_TEST(std::abs(ntk::smallest_eigenvalues_by_inverse(theta).values[0] / values[0] - 1) < 1e-6);
  const auto again = ntk::largest_eigenvalues(ntk::linear_map(theta), 4);
  BOOST_TEST(same_bits(again.vectors, large.vectors));
}

BOOST_AUTO_TEST_CASE(effective_ranks) {
  BOOST_TEST(std::abs(ntk::effective_rank({3, 3, 3, 3}) - 4) < 1e-13);
  BOOST_TEST(std::abs(ntk::effective_rank({-1e-17, 0, 7}) - 1) < 1e-13);
  BOOST_TEST(std::abs(ntk::effective_rank({0.25, 0.75}) - std::exp(-0.25 * std::log(0.25) - 0.75 * std::log(0.75))) <
             1e-13);
}

BOOST_AUTO_TEST_CASE(errors) {
  const auto map = ntk::linear_map(path(40, 0.1));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_CHECK_THROW(ntk::eigenvalues(Array<double>::ones({2, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::eigenvalues(Array<double>{}), shape_error);
  BOOST_CHECK_THROW(ntk::eigenvalues(Array<double>::from({2, 2}, {1, 2, 3, 4})), numerical_error);
  const std::string small = message_of<numerical_error>([] {
    ntk::eigenvalues(Array<double>::from({2, 2}, {1e-9, 2e-9, 5e-9, 1e-9}));
  });
  BOOST_TEST(has(small, "by up to 3e-09"), small);
  BOOST_CHECK_THROW(ntk::eigensystem(Array<double>::from({1, 1}, {nan})), numerical_error);
  BOOST_CHECK_THROW(ntk::linear_map(Array<double>::from({2, 2}, {1, 2, 3, 4})), numerical_error);
  BOOST_CHECK_THROW(ntk::largest_eigenvalues(map, 0), shape_error);
  BOOST_CHECK_THROW(ntk::largest_eigenvalues(map, 41), shape_error);
  BOOST_CHECK_THROW(ntk::largest_eigenvalues({}, 1), shape_error);
  BOOST_CHECK_THROW(ntk::largest_eigenvalues(map, 1, {.tolerance = 0}), option_error);
  BOOST_CHECK_THROW(ntk::smallest_eigenvalues(map, 1, {.max_products = 21}), numerical_error);
  const ntk::LinearMap broken{40, [&](const Array<double>& u) { return Array<double>::full(u.shape(), nan); }};
  BOOST_CHECK_THROW(ntk::largest_eigenvalues(broken, 1), numerical_error);
  const ntk::LinearMap misshapen{40, [](const Array<double>&) { return Array<double>::ones({3}); }};
  BOOST_CHECK_THROW(ntk::largest_eigenvalues(misshapen, 1), shape_error);
  BOOST_CHECK_THROW(ntk::smallest_eigenvalues_by_inverse(path(40, 0)), numerical_error);  // singular
  BOOST_CHECK_THROW(ntk::condition_number({}), shape_error);
  BOOST_CHECK_THROW(ntk::maximal_learning_rate({-1, 0}), numerical_error);
  BOOST_CHECK_THROW(ntk::effective_rank({}), shape_error);
  BOOST_CHECK_THROW(ntk::effective_rank({-1, 0}), numerical_error);
  BOOST_TEST(std::isinf(ntk::condition_number({0, 1})));
}

BOOST_AUTO_TEST_SUITE_END()
