// The prior that the evidence chooses, against Cholesky factors of many priors.
#include "ntk/evidence.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "ntk/algebra/cholesky.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// By a factorization of v K + s I.
double log_evidence(const Array<double>& k, const Array<double>& y, double variance, double noise) {
  const ntk::Cholesky<double> factor(plus(Array<double>::zeros(k.shape()), k, variance),
                                     {.ridge = noise, .relative = false});
  const Array<double> each = factor.log_evidence(y.reshaped({k.shape()[0], y.size() / k.shape()[0]}));
  return std::accumulate(each.data(), each.data() + each.size(), 0.0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(evidence)

BOOST_AUTO_TEST_CASE(no_prior_nearby_is_more_likely) {
  Random random("evidence");
  for (const bool full : {false, true}) {
    const std::size_t n = 12, outputs = 3;
    const Array<double> k = positive_matrix(full ? n * outputs : n, 0.01);
    // A sample of the process with noise, so that there is a best prior within the range.
    const Array<double> y = plus(product(k, random_array(random, {k.shape()[0], n * outputs / k.shape()[0]})),
                                 random_array(random, {k.shape()[0], n * outputs / k.shape()[0]}), 0.7)
                                .reshaped({n, outputs});
    const ntk::Prior prior = ntk::most_likely_prior(k, y);
    BOOST_TEST(prior.log_evidence == log_evidence(k, y, prior.variance, prior.noise),
               boost::test_tools::tolerance(1e-9));
    for (const double a : {0.5, 0.99, 1.01, 2.0})
      for (const double b : {0.5, 0.99, 1.01, 2.0})
        BOOST_TEST(log_evidence(k, y, a * prior.variance, b * prior.noise) < prior.log_evidence);
    // Targets twice as large have four times the variances.
    const ntk::Prior larger = ntk::most_likely_prior(k, plus(y, y));
    BOOST_TEST(larger.variance == 4 * prior.variance, boost::test_tools::tolerance(1e-4));
    BOOST_TEST(larger.noise == 4 * prior.noise, boost::test_tools::tolerance(1e-4));
  }
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array<double> k = positive_matrix(4);
  BOOST_CHECK_THROW(ntk::most_likely_prior(k, Array<double>::ones({3, 2})), shape_error);
  BOOST_CHECK_THROW(ntk::most_likely_prior(k, Array<double>::zeros({4, 2})), numerical_error);
  BOOST_CHECK_THROW(ntk::most_likely_prior(Array<double>::zeros({4, 4}), Array<double>::ones({4, 2})), numerical_error);
  BOOST_CHECK_THROW(ntk::most_likely_prior(k, Array<double>::full({4, 2}, std::numeric_limits<double>::quiet_NaN())),
                    numerical_error);
}

BOOST_AUTO_TEST_SUITE_END()
