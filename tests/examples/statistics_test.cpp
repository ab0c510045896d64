// Kendall's tau and bootstrap intervals of the programs.
#include "examples/common/statistics.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

using namespace xtangent::examples;

BOOST_AUTO_TEST_SUITE(statistics)

BOOST_AUTO_TEST_CASE(tau_counts_pairs) {
  const std::vector<double> a = {1, 2, 3, 4};
  BOOST_TEST(kendall_tau(a, {10, 20, 30, 40}) == 1.0);
  BOOST_TEST(kendall_tau(a, {4, 3, 2, 1}) == -1.0);
  BOOST_TEST(kendall_tau(a, {1, 2, 4, 3}) == 4.0 / 6);  // one pair of six is exchanged
  BOOST_TEST(kendall_tau(a, {5, 5, 5, 5}) == 0.0);
  // There are six pairs. One is tied in the first values and two others in the second ones: three are in the same
  // order.
  BOOST_TEST(kendall_tau({1, 1, 2, 3}, {1, 2, 2, 2}) == 2 / std::sqrt(5.0 * 3), boost::test_tools::tolerance(1e-15));
  const double most = std::numeric_limits<double>::infinity();
  BOOST_TEST(kendall_tau({1, most, most}, {1, 2, 2}) == 1.0);
}

BOOST_AUTO_TEST_CASE(an_interval_is_that_of_samples) {
  // The mean of 100 numbers of standard deviation 1: 1.96 standard errors to each side, within what 1,000 samples give.
  std::vector<double> values;
  for (std::size_t i = 0; i < 100; ++i) values.push_back(i % 2 ? 4 : 2);
  const auto mean = [&](const std::vector<std::size_t>& sample) {
    double sum = 0;
    for (const std::size_t i : sample) sum += values[i];
    return sum / static_cast<double>(sample.size());
  };
  const Interval found = bootstrap_interval(values.size(), 7, mean), again = bootstrap_interval(values.size(), 7, mean),
                 other = bootstrap_interval(values.size(), 8, mean);
  BOOST_TEST(std::abs(found.low - (3 - 0.196)) < 0.04);
  BOOST_TEST(std::abs(found.high - (3 + 0.196)) < 0.04);
  BOOST_TEST((found.low == again.low && found.high == again.high));
  BOOST_TEST(std::abs(other.low - found.low) < 0.05);
  const Interval constant = bootstrap_interval(5, 1, [](const std::vector<std::size_t>&) { return 2.5; });
  BOOST_TEST((constant.low == 2.5 && constant.high == 2.5));
}

BOOST_AUTO_TEST_CASE(numbers_are_spread_out) {
  BOOST_TEST(spread_out(20, 2) == (std::vector<std::size_t>{0, 1, 2, 4, 8, 16, 20}), boost::test_tools::per_element());
  BOOST_TEST(spread_out(4, 1.2) == (std::vector<std::size_t>{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(spread_out(1, 2) == (std::vector<std::size_t>{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
