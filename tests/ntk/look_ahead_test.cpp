// Regression with one more example, against regression from the beginning.
#include "ntk/look_ahead.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

constexpr std::size_t labelled = 9, points = 6, outputs = 3;
constexpr double ridge = 0.2;

// A kernel of `labelled` examples and `points` more, their targets, and what the network predicts.
struct Problem {
  Array<double> whole = positive_matrix(labelled + points), y, f0;
  Problem() {
    Random random("look ahead");
    y = random_array(random, {labelled + points, outputs});
    f0 = random_array(random, {labelled + points, outputs});
  }
  // The rows and columns of the kernel with these numbers.
  Array<double> part(const std::vector<std::size_t>& rows, const std::vector<std::size_t>& columns) const {
    Array<double> out({rows.size(), columns.size()});
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t j = 0; j < columns.size(); ++j)
        out.mutable_data()[i * columns.size() + j] = whole(rows[i], columns[j]);
    return out;
  }
  // Predictions at all points of regression on these examples, by elimination.
  Array<double> predictions(const std::vector<std::size_t>& on) const {
    const Array<double> k = plus(part(on, on), identity(on.size()), ridge);
    const Array<double> weights = eliminated(k, plus(y.rows_at(on), f0.rows_at(on), -1));
    return plus(f0.rows_at(all_points()), product(part(all_points(), on), weights));
  }
  static std::vector<std::size_t> first(std::size_t count) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(i);
    return out;
  }
  static std::vector<std::size_t> all_points() {
    std::vector<std::size_t> out;
    for (std::size_t u = 0; u < points; ++u) out.push_back(labelled + u);
    return out;
  }
  Array<double> target(std::size_t point) const {
    return y.rows(labelled + point, labelled + point + 1).reshaped({outputs});
  }
  template <class T = double>
  ntk::LookAhead look_ahead() const {
    const auto known = first(labelled), rest = all_points();
    const auto as = [](const Array<double>& a) {
      Array<T> out(a.shape());
      for (std::size_t i = 0; i < a.size(); ++i) out.mutable_data()[i] = static_cast<T>(a[i]);
      return out;
    };
    const ntk::Regression<T> regression(as(part(known, known)), {.ridge = ridge, .relative = false});
    return {regression, as(part(rest, known)), part(rest, rest), y.rows_at(known), f0.rows_at(known), f0.rows_at(rest)};
  }
};

double worst(const Array<double>& a, const Array<double>& b) {
  double out = 0;
  BOOST_REQUIRE(a.shape() == b.shape());
  for (std::size_t i = 0; i < a.size(); ++i) out = std::max(out, std::abs(a[i] - b[i]));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(look_ahead)

BOOST_AUTO_TEST_CASE(one_more_label_changes_outputs_as_regression_with_it) {
  const Problem problem;
  const ntk::LookAhead ahead = problem.look_ahead();
  BOOST_TEST(ahead.size() == points);
  BOOST_TEST(worst(ahead.outputs(), problem.predictions(Problem::first(labelled))) < 1e-10);
  for (std::size_t u = 0; u < points; ++u) {
    std::vector<std::size_t> on = Problem::first(labelled);
    on.push_back(labelled + u);
    BOOST_TEST(worst(ahead.outputs_with(u, problem.target(u)), problem.predictions(on)) < 1e-10);
  }
}

BOOST_AUTO_TEST_CASE(changes_are_the_distances_of_these_outputs) {
  const Problem problem;
  ntk::LookAhead ahead = problem.look_ahead();
  ahead.add(4, problem.target(4));
  const Array<double> targets = problem.y.rows_at(Problem::all_points());
  const std::vector<double> changes = ahead.changes(targets);
  BOOST_REQUIRE(changes.size() == points);
  for (std::size_t u = 0; u < points; ++u) {
    const Array<double> moved = plus(ahead.outputs_with(u, problem.target(u)), ahead.outputs(), -1);
    double expected = 0;
    for (std::size_t x = 0; x < points; ++x) {
      double squares = 0;
      for (std::size_t o = 0; o < outputs; ++o) squares += moved(x, o) * moved(x, o);
      expected += std::sqrt(squares);
    }
    BOOST_TEST(std::abs(changes[u] - expected) < 1e-12 * (1 + expected));
    BOOST_TEST(expected > 1e-3);
  }
}

BOOST_AUTO_TEST_CASE(labels_that_were_added_one_by_one_are_those_of_one_regression) {
  const Problem problem;
  ntk::LookAhead ahead = problem.look_ahead();
  std::vector<std::size_t> on = Problem::first(labelled);
  for (const std::size_t u : {3, 0, 5}) {
    ahead.add(u, problem.target(u));
    on.push_back(labelled + u);
    BOOST_TEST(worst(ahead.outputs(), problem.predictions(on)) < 1e-10);
  }
  // The covariance is that of all examples on which the outputs stand now.
  const Array<double> k = plus(problem.part(on, on), identity(on.size()), ridge);
  const Array<double> cross = problem.part(Problem::all_points(), on);
  const Array<double> expected = plus(problem.part(Problem::all_points(), Problem::all_points()),
                                      product(cross, eliminated(k, transposed(cross))), -1);
  BOOST_TEST(worst(ahead.covariance(), expected) < 1e-10);
}

BOOST_AUTO_TEST_CASE(kernels_in_float_are_taken) {
  const Problem problem;
  BOOST_TEST(worst(problem.look_ahead<float>().outputs(), problem.look_ahead().outputs()) < 1e-3);
}

BOOST_AUTO_TEST_CASE(points_that_are_known_change_nothing) {
  const Problem problem;
  ntk::LookAhead ahead(problem.part(Problem::all_points(), Problem::all_points()),
                       problem.f0.rows_at(Problem::all_points()), 0);
  ahead.add(2, problem.target(2));  // without a ridge its output is now its target, with no variance
  const Array<double> before = ahead.outputs();
  BOOST_TEST(worst(before.rows(2, 3).reshaped({outputs}), problem.target(2)) < 1e-12);
  BOOST_TEST(ahead.changes(Array<double>::zeros({points, outputs}))[2] == 0.0);
  ahead.add(2, Array<double>::ones({outputs}));
  BOOST_TEST(worst(ahead.outputs(), before) == 0.0);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const Array<double> covariance = positive_matrix(4), f = Array<double>::zeros({4, 2});
  BOOST_CHECK_THROW(ntk::LookAhead(covariance, Array<double>::zeros({3, 2}), 0), shape_error);
  BOOST_CHECK_THROW(ntk::LookAhead(covariance, Array<double>::zeros({4}), 0), shape_error);
  BOOST_CHECK_THROW(ntk::LookAhead(Array<double>::ones({4, 3}), f, 0), shape_error);
  BOOST_CHECK_THROW(ntk::LookAhead(covariance, f, -1), option_error);
  BOOST_CHECK_THROW(ntk::LookAhead(covariance, Array<double>::full({4, 2}, std::nan("")), 0), numerical_error);
  ntk::LookAhead ahead(covariance, f, 0);
  BOOST_CHECK_THROW(ahead.changes(Array<double>::zeros({4, 3})), shape_error);
  BOOST_CHECK_THROW(ahead.add(4, Array<double>::zeros({2})), shape_error);
  BOOST_CHECK_THROW(ahead.add(1, Array<double>::zeros({3})), shape_error);
  BOOST_CHECK_THROW(ahead.outputs_with(9, Array<double>::zeros({2})), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
