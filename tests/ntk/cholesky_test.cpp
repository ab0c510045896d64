// Compares Cholesky factors that are refined, grow and shrink with elimination in long double.
#include "ntk/algebra/cholesky.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "ntk/algebra/converted.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// A matrix with eigenvalues from 1 down to 1 / condition in equal ratios, made from a diagonal by Householder
// reflections.
Array<double> conditioned_matrix(std::size_t n, double condition) {
  Array<double> k = Array<double>::zeros({n, n});
  for (std::size_t i = 0; i < n; ++i)
    k.mutable_data()[i * (n + 1)] = std::pow(condition, -static_cast<double>(i) / static_cast<double>(n - 1));
  Random random("reflections");
  for (int times = 0; times < 3; ++times) {
    const Array<double> v = random_array(random, {n, 1});
    const Array<double> h = plus(identity(n), product(v, transposed(v)), -2 / inner(v, v));
    k = product(h, product(k, h));
  }
  return plus(k, transposed(k));
}

// Compares the solution, and everything else that a factor of k gives, with k itself.
void expect_factor(const ntk::Cholesky<double>& factor, const Array<double>& k, double tolerance) {
  const std::size_t n = k.shape()[0];
  BOOST_TEST(factor.size() == n);
  Random random("rhs");
  const Array<double> y = random_array(random, {n, 2}), inverse = eliminated(k, identity(n));
  BOOST_TEST(relative_error(factor.solve(y), product(inverse, y)) < tolerance);
  const Array<double> rows = random_array(random, {3, n}), white = factor.whitened(rows);
  BOOST_TEST(relative_error(product(white, transposed(white)), product(rows, product(inverse, transposed(rows)))) <
             tolerance);
  const Array<double> diagonal = factor.inverse_diagonal();
  for (std::size_t i = 0; i < n; ++i) BOOST_TEST(std::abs(diagonal[i] / inverse[i * (n + 1)] - 1) < tolerance);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cholesky)

BOOST_AUTO_TEST_CASE(everything_against_elimination) {
  for (std::size_t n : {1, 2, 17, 130, 300}) expect_factor(ntk::Cholesky(positive_matrix(n)), positive_matrix(n), 1e-9);
}

BOOST_AUTO_TEST_CASE(a_matrix_that_is_handed_over_is_factored_in_place) {
  Array<double> k = positive_matrix(40);
  const Array<double> kept = k.clone();
  const ntk::Cholesky copied(k);
  BOOST_TEST(difference(k, kept) == 0);  // the array was shared, so it must not change
  const std::size_t before = memory_statistics().live;
  const ntk::Cholesky factor(std::move(k));
  BOOST_TEST(memory_statistics().live <= before);
  expect_factor(factor, kept, 1e-10);
}

BOOST_AUTO_TEST_CASE(gives_its_matrix_back_to_the_bit) {
  for (std::size_t n : {1, 17, 130}) {
    const Array<double> k = positive_matrix(n);
    ntk::Cholesky<double> exact(k);
    BOOST_TEST(difference(exact.matrix(), k) == 0);
    exact.reserve(n + 5);
    BOOST_TEST(difference(exact.matrix(), k) == 0);
    const Array<float> narrow = cast<float>(k);
    const Array<float> found = ntk::Cholesky<float>(narrow, {.ridge = 0.3}).matrix();
    BOOST_TEST(difference(ntk::converted<double>(found), ntk::converted<double>(narrow)) == 0);
  }
}

BOOST_AUTO_TEST_CASE(refinement_makes_float_factors_as_good_as_double) {
  const std::size_t n = 200;
  for (double condition : {1e2, 1e4}) {
    const Array<float> k = cast<float>(conditioned_matrix(n, condition));
    Random random("refined");
    Array<double> y = random_array(random, {n, 3});
    for (std::size_t i = 0; i < n; ++i) y.mutable_data()[i * 3 + 1] *= 1e-30;  // columns of any size
    const Array<double> exact = eliminated(to_double(k), y);
    const Array<double> plain = ntk::Cholesky(k, {.refinements = 0}).solve(y), refined = ntk::Cholesky(k).solve(y);
    for (std::size_t column : {0, 1, 2}) {
      const auto of = [&](const Array<double>& x) { return picked(x, range(0, n), {column}); };
      BOOST_TEST(relative_error(of(plain), of(exact)) > 1e-8);
      BOOST_TEST(relative_error(of(refined), of(exact)) < 1e-11);
    }
  }
}

// A solution of the size of y / K may lie outside of float where y and K do not. It is scaled, or there is an error.
BOOST_AUTO_TEST_CASE(kernels_of_any_size) {
  const std::size_t n = 20;
  const Array<double> k = conditioned_matrix(n, 1e3);
  Random random("size");
  const Array<double> y = random_array(random, {n, 2});
  for (const double size : {1e-30, 1e-20, 1.0, 1e20, 1e37}) {
    const Array<double> wide = plus(Array<double>::zeros({n, n}), k, size);
    const Array<float> narrow = cast<float>(wide);
    const Array<double> found = ntk::Cholesky<float>(narrow).solve(y);
    BOOST_TEST(relative_error(found, eliminated(ntk::converted<double>(narrow), y)) < 1e-9, size);
  }
  const auto says = [&](double size, auto zero) {
    using T = decltype(zero);
    return message_of([&] { ntk::Cholesky<T>(cast<T>(plus(Array<double>::zeros({n, n}), k, size))).solve(y); });
  };
  for (const double size : {1e-33, 1e-40, 1e-44})
    BOOST_TEST(has(says(size, 0.0F), "float computes with kernels from"), says(size, 0.0F));
  BOOST_TEST(has(says(1e-300, 0.0), "double computes with kernels from"));
  BOOST_TEST(has(message_of([&] {
                   ntk::Cholesky<double>(plus(Array<double>::zeros({n, n}), k, 1e-200))
                       .solve(plus(Array<double>::zeros({n, 2}), y, 1e200));
                 }),
                 "the solution overflows"));
}

BOOST_AUTO_TEST_CASE(residuals_are_those_of_the_matrix) {
  for (std::size_t n : {1, 127, 128, 129, 300}) {
    const Array<double> k = positive_matrix(n);
    Random random("residual");
    const Array<double> x = random_array(random, {n, 4}), y = random_array(random, {n, 4});
    const Array<double> expected = plus(plus(y, product(k, x), -1), x, -0.5);
    BOOST_TEST(difference(ntk::Cholesky(k, {.ridge = 0.5, .relative = false}).residual(x, y), expected) < 1e-12);
    const Array<float> single = cast<float>(k);
    const Array<double> of_single = plus(y, product(to_double(single), x), -1);
    BOOST_TEST(difference(ntk::Cholesky(single).residual(x, y), of_single) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(determinant_pivots_and_blocks_of_the_inverse) {
  const Array<double> k = Array<double>::from({2, 2}, {4, 2, 2, 5});  // L = (2 0; 1 2)
  const ntk::Cholesky factor(k);
  BOOST_TEST(std::abs(factor.log_determinant() - std::log(16.0)) < 1e-14);
  BOOST_TEST(factor.smallest_pivot().row == 1u);
  BOOST_TEST(std::abs(factor.smallest_pivot().value - 4) < 1e-14);
  const std::size_t n = 150;
  const Array<double> large = positive_matrix(n), inverse = eliminated(large, identity(n));
  for (std::size_t block : {1, 3, 50, 75, 150}) {
    const Array<double> found = ntk::Cholesky(large).inverse_diagonal(block);
    BOOST_TEST((found.shape() == Shape{n / block, block, block}));
    double worst = 0;
    for (std::size_t i = 0; i < n / block; ++i)
      for (std::size_t p = 0; p < block; ++p)
        for (std::size_t q = 0; q < block; ++q)
          worst = std::max(worst,
                           std::abs(found[(i * block + p) * block + q] - inverse[(i * block + p) * n + i * block + q]));
    BOOST_TEST(worst < 1e-8);
  }
}

BOOST_AUTO_TEST_CASE(rows_come_and_go) {
  const std::size_t n = 90;
  const Array<double> k = positive_matrix(n), ridged = plus(k, identity(n), 0.3);
  ntk::Cholesky factor(picked(k, range(0, 20), range(0, 20)), {.ridge = 0.3, .relative = false});
  std::vector<std::size_t> held = range(0, 20);
  std::size_t next = 20;
  for (std::size_t m : {1, 5, 40, 1, 23}) {
    const auto fresh = range(next, next + m);
    factor.append(picked(k, fresh, held), picked(k, fresh, fresh));
    held.insert(held.end(), fresh.begin(), fresh.end());
    next += m;
    expect_factor(factor, picked(ridged, held, held), 1e-10);
  }
  for (std::size_t at : {89, 0, 40, 40, 7}) {
    factor.remove(at);
    held.erase(held.begin() + static_cast<long>(at));
    expect_factor(factor, picked(ridged, held, held), 1e-10);
  }
  factor.remove(10, 60);
  held.erase(held.begin() + 10, held.begin() + 70);
  expect_factor(factor, picked(ridged, held, held), 1e-10);
  const std::vector<std::size_t> back = {0, 40};
  const ntk::Cholesky before = factor;
  factor.append(picked(k, back, held), picked(k, back, back));
  std::vector<std::size_t> more = held;
  more.insert(more.end(), back.begin(), back.end());
  expect_factor(factor, picked(ridged, more, more), 1e-10);
  expect_factor(before, picked(ridged, held, held), 1e-10);  // a copy does not change
}

BOOST_AUTO_TEST_CASE(a_row_that_was_there_is_refused_and_changes_nothing) {
  const Array<double> k = positive_matrix(12);
  ntk::Cholesky factor(k);
  const std::vector<std::size_t> rows = {3};
  const auto twice = [&] { factor.append(picked(k, rows, range(0, 12)), picked(k, rows, rows)); };
  const std::string text = message_of<numerical_error>(twice);
  BOOST_TEST(has(text, "at row 12"), text);
  BOOST_TEST(has(text, "Row 12 repeats row 3"), text);
  expect_factor(factor, k, 1e-10);
}

BOOST_AUTO_TEST_CASE(says_what_is_wrong_and_a_ridge_that_helps) {
  for (std::size_t n : {20, 200}) {
    // Row 15 is row 4 again.
    std::vector<std::size_t> rows = range(0, n);
    rows[15] = 4;
    const Array<double> k = picked(positive_matrix(n), rows, rows);
    const std::string text = message_of<numerical_error>([&] { ntk::Cholesky{k}; });
    BOOST_TEST(has(text, "at row 15,"), text);
    BOOST_TEST(has(text, "Row 15 repeats row 4: remove duplicate"), text);
    const std::size_t at = text.find("such as ");
    BOOST_REQUIRE(at != std::string::npos);
    const double ridge = std::stod(text.substr(at + 8));
    BOOST_TEST(ridge < 1e-9);
    BOOST_TEST(ntk::Cholesky(k, {.ridge = ridge}).size() == n);
    const std::string single = message_of<numerical_error>([&] { ntk::Cholesky{cast<float>(k)}; });
    BOOST_TEST(has(single, "Row 15 repeats row 4"), single);
    const double single_ridge = std::stod(single.substr(single.find("such as ") + 8));
    BOOST_TEST(single_ridge < 1e-1);
    BOOST_TEST(ntk::Cholesky(cast<float>(k), {.ridge = single_ridge}).size() == n);
  }
  // The rank is 5 of 9, and row 5 depends on several rows.
  Random random("rank");
  const Array<double> a = random_array(random, {9, 5});
  const std::string dependent = message_of<numerical_error>([&] { ntk::Cholesky{product(a, transposed(a))}; });
  BOOST_TEST(has(dependent, "depends on those above it"), dependent);
  // This matrix is not a kernel at all.
  const std::string indefinite = message_of<numerical_error>([&] {
    ntk::Cholesky{Array<double>::from({2, 2}, {1, 3, 3, 1})};
  });
  BOOST_TEST(has(indefinite, "smallest pivot is -8, at row 1, whose diagonal entry is 1. "), indefinite);
  BOOST_TEST(has(indefinite, "more than rounding"), indefinite);
  const std::string negative = message_of<numerical_error>([&] { ntk::Cholesky{Array<double>::from({1, 1}, {-1})}; });
  BOOST_TEST(has(negative, "smallest pivot is -1, at row 0"), negative);
}

// The row that fails is far from the first one, so LAPACK stops inside a block.
BOOST_AUTO_TEST_CASE(the_pivot_of_a_late_failure_is_exact) {
  const std::size_t n = 300, row = 250;
  Array<double> k = positive_matrix(n);
  const Array<double> above = picked(k, range(0, row), range(0, row)), b = picked(k, range(0, row), {row});
  const double schur = product(transposed(b), eliminated(above, b))[0];
  k.mutable_data()[row * (n + 1)] = schur - 2;
  const std::string text = message_of<numerical_error>([&] { ntk::Cholesky{k}; });
  BOOST_TEST(has(text, "smallest pivot is -2, at row 250,"), text);
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
  const Array<double> k = positive_matrix(4);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ntk::Cholesky factor(k);
  BOOST_CHECK_THROW(ntk::Cholesky(Array<double>::ones({2, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::Cholesky(Array<double>::ones({0, 0})), shape_error);
  BOOST_CHECK_THROW(ntk::Cholesky(Array<double>::from({2, 2}, {1, 0.5, 0.4, 1})), numerical_error);
  BOOST_CHECK_THROW(ntk::Cholesky(Array<double>::from({1, 1}, {nan})), numerical_error);
  BOOST_CHECK_THROW(ntk::Cholesky(k, {.ridge = -1}), option_error);
  BOOST_CHECK_THROW(ntk::Cholesky(k, {.ridge = nan}), option_error);
  BOOST_CHECK_THROW(factor.solve(Array<double>::ones({5})), shape_error);
  BOOST_CHECK_THROW(factor.solve(Array<double>::full({4}, nan)), numerical_error);
  BOOST_CHECK_THROW(factor.residual(Array<double>::ones({4}), Array<double>::ones({4, 1})), shape_error);
  BOOST_CHECK_THROW(factor.whitened(Array<double>::ones({4, 3})), shape_error);
  BOOST_CHECK_THROW(factor.inverse_diagonal(3), shape_error);
  BOOST_CHECK_THROW(factor.append(Array<double>::ones({1, 3}), Array<double>::ones({1, 1})), shape_error);
  BOOST_CHECK_THROW(factor.append(Array<double>::ones({1, 4}), Array<double>::ones({1, 2})), shape_error);
  BOOST_CHECK_THROW(factor.append(Array<double>::full({1, 4}, nan), Array<double>::ones({1, 1})), numerical_error);
  BOOST_CHECK_THROW(factor.remove(4), shape_error);
  BOOST_CHECK_THROW(factor.remove(0, 4), shape_error);
  expect_factor(factor, k, 1e-10);
  BOOST_TEST((factor.solve(Array<double>::ones({4, 0})).shape() == Shape{4, 0}));
}

BOOST_AUTO_TEST_SUITE_END()
