// Probabilities of classes from Gaussian outputs, in cases with closed forms.
#include "ntk/class_probabilities.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

double normal(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

}  // namespace

BOOST_AUTO_TEST_SUITE(class_probabilities)

BOOST_AUTO_TEST_CASE(expected_softmax) {
  // Without variance they are the softmax; with much of it they tell nothing.
  Array<double> means({1, 2}), none = Array<double>::zeros({1, 2, 2}), much = none.clone();
  means.mutable_data()[0] = 1, means.mutable_data()[1] = -1;
  much.mutable_data()[0] = much.mutable_data()[3] = 1e8;
  BOOST_TEST(ntk::expected_softmax(means, none)[0] == 1 / (1 + std::exp(-2.0)), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(std::abs(ntk::expected_softmax(means, much)[0] - 0.5) < 1e-3);
  // 1 + pi / 8 * (8 / pi) 3 = 4, whose root halves the means.
  for (const std::size_t i : {0, 3}) much.mutable_data()[i] = 24 / std::acos(-1.0);
  BOOST_TEST(ntk::expected_softmax(means, much)[0] == 1 / (1 + std::exp(-1.0)), boost::test_tools::tolerance(1e-12));
  BOOST_CHECK_THROW(ntk::expected_softmax(means, Array<double>::ones({1, 2})), shape_error);
}

BOOST_AUTO_TEST_CASE(probability_of_largest) {
  Random random("largest");
  const std::size_t m = 40;
  const Array<double> two = random_array(random, {m, 2}), five = random_array(random, {m, 5});
  Array<double> variances({m});
  for (std::size_t i = 0; i < m; ++i) variances.mutable_data()[i] = std::pow(10.0, static_cast<double>(i) / 8 - 4);
  // The difference of two outputs is Gaussian with twice the variance.
  const Array<double> found = ntk::probability_of_largest(two, variances);
  for (std::size_t i = 0; i < m; ++i)
    BOOST_TEST(std::abs(found(i, 0) - normal((two(i, 0) - two(i, 1)) / std::sqrt(2 * variances[i]))) < 1e-9);
  // The probabilities of all classes sum to 1, and the greatest mean has the greatest one.
  const Array<double> all = ntk::probability_of_largest(five, variances);
  for (std::size_t i = 0; i < m; ++i) {
    double sum = 0;
    std::size_t best = 0, first = 0;
    for (std::size_t c = 0; c < 5; ++c) {
      sum += all(i, c);
      if (five(i, c) > five(i, best)) best = c;
      if (all(i, c) > all(i, first)) first = c;
    }
    BOOST_TEST(std::abs(sum - 1) < 1e-8);
    BOOST_TEST(best == first);
  }
  // Equal means share alike; one class is certain.
  BOOST_TEST(std::abs(ntk::probability_of_largest(Array<double>::ones({1, 3}), Array<double>::ones({1}))[1] - 1 / 3.0) <
             1e-9);
  BOOST_TEST(std::abs(ntk::probability_of_largest(Array<double>::ones({1, 1}), Array<double>::ones({1}))[0] - 1) <
             1e-9);
  BOOST_TEST(ntk::probability_of_largest(Array<double>::zeros({0, 3}), Array<double>::zeros({0})).size() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
  const Array<double> means = Array<double>::ones({2, 3});
  BOOST_CHECK_THROW(ntk::probability_of_largest(means, Array<double>::ones({3})), shape_error);
  BOOST_CHECK_THROW(ntk::probability_of_largest(Array<double>::ones({2}), Array<double>::ones({2})), shape_error);
  for (const double variance : {0.0, -1.0, 1 / 0.0})
    BOOST_CHECK_THROW(ntk::probability_of_largest(means, Array<double>::full({2}, variance)), numerical_error);
  BOOST_CHECK_THROW(ntk::probability_of_largest(Array<double>::full({2, 3}, 1 / 0.0), Array<double>::ones({2})),
                    numerical_error);
}

BOOST_AUTO_TEST_SUITE_END()
