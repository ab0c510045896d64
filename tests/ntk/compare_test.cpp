// Compares differences of kernels with their definitions, on formed matrices.
#include "ntk/compare.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "ntk/spectrum.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

double norm(const Array<double>& a) { return std::sqrt(inner(a, a)); }

// K (x) I, formed here only.
Array<double> expanded(const Array<double>& k, std::size_t o) {
  const std::size_t rows = k.shape()[0], columns = k.shape()[1];
  Array<double> out = Array<double>::zeros({rows * o, columns * o});
  for (std::size_t n = 0; n < rows; ++n)
    for (std::size_t m = 0; m < columns; ++m)
      for (std::size_t c = 0; c < o; ++c)
        out.mutable_data()[(n * o + c) * columns * o + m * o + c] = k[n * columns + m];
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(compare)

BOOST_AUTO_TEST_CASE(an_entk_beside_a_pntk) {
  Random random("compare");
  for (const auto& [rows, columns, o] : {std::array<std::size_t, 3>{7, 7, 3}, {5, 40, 1}, {1, 2, 4}, {33, 3, 2}}) {
    const Array<double> theta = random_array(random, {rows * o, columns * o}),
                        k = random_array(random, {rows, columns});
    const Array<double> full = expanded(k, o);
    const double frobenius = norm(plus(theta, full, -1)) / norm(theta);
    BOOST_TEST(std::abs(ntk::relative_frobenius(theta, k, o) - frobenius) < 1e-14 * frobenius);
    BOOST_TEST(std::abs(ntk::relative_difference(full, theta) - frobenius) < 1e-14 * frobenius);
    const double cosine = inner(theta, full) / norm(theta) / norm(full);
    BOOST_TEST(std::abs(ntk::alignment(theta, k, o) - cosine) < 1e-14);
    BOOST_TEST(std::abs(ntk::alignment(theta, full) - cosine) < 1e-14);
    BOOST_TEST(std::abs(ntk::kernel_distance(theta, k, o) - (1 - cosine)) < 1e-14);
    BOOST_TEST(std::abs(ntk::kernel_distance(theta, full) - (1 - cosine)) < 1e-14);
    // Every mixture of types, and expressions.
    const Array<float> single = cast<float>(theta), single_k = cast<float>(k);
    BOOST_TEST(std::abs(ntk::relative_frobenius(single, single_k, o) - frobenius) < 1e-6 * frobenius);
    BOOST_TEST(std::abs(ntk::relative_frobenius(single, k, o) - frobenius) < 1e-6 * frobenius);
    BOOST_TEST(std::abs(ntk::relative_frobenius(theta.to_xarray(), k, o) - frobenius) < 1e-14 * frobenius);
    BOOST_TEST(ntk::relative_difference(single, theta) < 1e-7);
  }
  const Array<double> k = random_array(random, {4, 4});
  BOOST_TEST(ntk::relative_frobenius(expanded(k, 3), k, 3) == 0);
  BOOST_TEST(std::abs(ntk::alignment(plus(k, k, 2), k) - 1) < 1e-14);
  BOOST_TEST(std::abs(ntk::kernel_distance(plus(k, k, -2), k) - 2) < 1e-14);
}

BOOST_AUTO_TEST_CASE(centered) {
  const std::size_t n = 40;
  const Array<double> a = positive_matrix(n, 0.1, "a"), b = positive_matrix(n, 0.1, "b");
  const Array<double> h = plus(identity(n), Array<double>::ones({n, n}), -1.0 / n);
  const Array<double> ca = product(h, product(a, h)), cb = product(h, product(b, h));
  BOOST_TEST(std::abs(ntk::centered_alignment(a, b) - inner(ca, cb) / norm(ca) / norm(cb)) < 1e-13);
  // A constant changes nothing.
  BOOST_TEST(std::abs(ntk::centered_alignment(plus(a, Array<double>::ones({n, n}), 1000), b) -
                      ntk::centered_alignment(a, b)) < 1e-11);
  BOOST_TEST(std::abs(ntk::centered_alignment(cast<float>(a), b) - ntk::centered_alignment(a, b)) < 1e-6);
}

BOOST_AUTO_TEST_CASE(ends_of_spectra) {
  const auto d = ntk::spectrum_difference({1, 3, 6}, {2, 8});
  BOOST_TEST(d.lambda_max == 0.25);
  BOOST_TEST(d.lambda_min == 0.5);
  BOOST_TEST(d.condition == 0.5);  // 6 beside 4
  // K (x) I has the ends of K.
  const Array<double> k = positive_matrix(6);
  const auto same = ntk::spectrum_difference(ntk::eigenvalues(k), ntk::eigenvalues(expanded(k, 3)));
  BOOST_TEST(same.lambda_max < 1e-13);
  BOOST_TEST(same.lambda_min < 1e-10);
  BOOST_TEST(std::isinf(ntk::spectrum_difference({1, 2}, {0, 2}).lambda_min));
  BOOST_TEST(std::isinf(ntk::spectrum_difference({1, 2}, {0, 2}).condition));
  BOOST_TEST(ntk::spectrum_difference({0, 2}, {0, 2}).condition == 0);
}

BOOST_AUTO_TEST_CASE(exponents) {
  BOOST_TEST(std::abs(ntk::log_log_slope({1, 10, 100}, {2, 0.2, 0.02}) + 1) < 1e-12);
  BOOST_TEST(std::abs(ntk::log_log_slope({64, 256}, {4, 2}) + 0.5) < 1e-12);
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array<double> k = positive_matrix(4), zero = Array<double>::zeros({4, 4});
  const Array<double> nan = Array<double>::full({4, 4}, std::numeric_limits<double>::quiet_NaN());
  BOOST_CHECK_THROW(ntk::relative_frobenius(k, k, 2), shape_error);
  BOOST_CHECK_THROW(ntk::relative_frobenius(k, k, 0), shape_error);
  BOOST_CHECK_THROW(ntk::relative_frobenius(zero, k, 1), numerical_error);
  BOOST_CHECK_THROW(ntk::relative_frobenius(nan, k, 1), numerical_error);
  BOOST_CHECK_THROW(ntk::relative_difference(k, Array<double>::ones({4, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::relative_difference(k, zero), numerical_error);
  BOOST_CHECK_THROW(ntk::alignment(zero, k), numerical_error);
  BOOST_CHECK_THROW(ntk::alignment(k, k, 3), shape_error);
  BOOST_CHECK_THROW(ntk::kernel_distance(Array<double>{}, Array<double>{}), shape_error);
  BOOST_CHECK_THROW(ntk::centered_alignment(Array<double>::ones({2, 3}), Array<double>::ones({2, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::centered_alignment(Array<double>::ones({3, 3}), Array<double>::ones({3, 3})), numerical_error);
  BOOST_CHECK_THROW(ntk::spectrum_difference({}, {1}), shape_error);
  BOOST_CHECK_THROW(ntk::log_log_slope({1, 1}, {1, 2}), numerical_error);
  BOOST_CHECK_THROW(ntk::log_log_slope({1}, {1}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
