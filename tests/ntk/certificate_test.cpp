// Compares the certificate with the difference that it estimates, and counts how often its interval holds it.
#include "ntk/certificate.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

struct Kernels {
  Array<double> theta, k;
  std::size_t n, o;
  double exact() const { return ntk::relative_frobenius(theta, k, o); }
  // The blocks of the formed eNTK.
  ntk::BlockSource source() const {
    return [this](const std::vector<std::size_t>& chosen) {
      std::vector<std::size_t> rows;
      for (std::size_t i : chosen)
        for (std::size_t c = 0; c < o; ++c) rows.push_back(i * o + c);
      return picked(theta, rows, rows);
    };
  }
};

Kernels kernels_of(std::size_t width, std::size_t n, std::size_t o, double spread = 1) {
  const auto net =
      nn::sequential(nn::Linear(6, width), nn::Relu(), nn::Linear(width, width), nn::Relu(), nn::Linear(width, o));
  const auto params = net.init<double>(width);
  Random random("examples");
  Array<double> x = random_array(random, {n, 6});
  for (std::size_t i = 0; i < n; ++i)  // scaled to very different lengths, if asked for
    for (std::size_t j = 0; j < 6; ++j)
      x.mutable_data()[i * 6 + j] *= std::pow(spread, static_cast<double>(i) / static_cast<double>(n));
  return {ntk::entk(net, params, x), ntk::pntk(net, params, x), n, o};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(certificate)

// 1000 certificates of each kernel: the interval holds the truth about as often as it says, and not because it is wide.
BOOST_AUTO_TEST_CASE(intervals_cover_as_often_as_they_say) {
  struct Case {
    Kernels kernels;
    ntk::CertificateOptions options;
  };
  const std::vector<Case> cases = {
      {kernels_of(16, 60, 3), {}},
      {kernels_of(128, 60, 3), {}},
      {kernels_of(64, 60, 3, 3), {}},
      {kernels_of(64, 200, 3, 6), {}},
      {kernels_of(64, 60, 3), {.groups = 12, .group_size = 6, .confidence = 0.8}},
      {kernels_of(64, 100, 2), {.groups = 40, .group_size = 2, .confidence = 0.99}},
  };
  for (std::size_t at = 0; at < cases.size(); ++at) {
    const Case& c = cases[at];
    const double exact = c.kernels.exact();
    const std::size_t draws = 1000;
    double held = 0, mean = 0, width = 0;
    for (std::uint64_t seed = 0; seed < draws; ++seed) {
      ntk::CertificateOptions options = c.options;
      options.seed = seed;
      const ntk::Certificate found = ntk::certificate(c.kernels.source(), c.kernels.k, options);
      BOOST_TEST_REQUIRE(found.low <= found.estimate);
      BOOST_TEST_REQUIRE(found.estimate <= found.high);
      held += found.low <= exact && exact <= found.high;
      mean += found.estimate / draws;
      width += (found.high - found.low) / draws;
    }
    const double share = held / draws, nominal = c.options.confidence;
    BOOST_TEST_CONTEXT("case " << at << ": held " << share << " of " << nominal << ", mean " << mean << " of " << exact
                               << ", width " << width) {
      // Four standard errors of the share, and 0.02 for sums that are not quite normal.
      const double margin = 4 * std::sqrt(nominal * (1 - nominal) / draws) + 0.02;
      BOOST_TEST(share > nominal - margin);
      BOOST_TEST(share < std::min(nominal + margin, 1 - 1e-9));
      BOOST_TEST(std::abs(mean / exact - 1) < 0.02);
      BOOST_TEST(width < 0.7 * exact);
    }
  }
}

BOOST_AUTO_TEST_CASE(more_groups_make_it_narrower) {
  const Kernels k = kernels_of(64, 80, 3);
  std::vector<double> widths;
  for (std::size_t groups : {25, 2500}) {
    double mean = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto found = ntk::certificate(k.source(), k.k, {.groups = groups, .seed = seed});
      mean += (found.high - found.low) / 20;
      BOOST_TEST(found.pairs == groups * 16);
      BOOST_TEST(found.examples == groups * 4);
    }
    widths.push_back(mean);
  }
  BOOST_TEST(widths[1] < 0.12 * widths[0]);
  BOOST_TEST(widths[1] > 0.08 * widths[0]);
}

BOOST_AUTO_TEST_CASE(all_examples_in_one_group_are_exact) {
  for (std::size_t n : {1, 2, 5}) {
    const Kernels k = kernels_of(20, n, 3);
    const auto found = ntk::certificate(k.source(), k.k, {.group_size = 5});
    BOOST_TEST(std::abs(found.estimate - k.exact()) < 1e-13);
    BOOST_TEST(found.low == found.high);
    BOOST_TEST(found.pairs == n * n);
  }
}

// Examples are drawn as often as their share of the trace, except for a tenth with equal probabilities; pairs are
// independent.
BOOST_AUTO_TEST_CASE(draws_follow_the_diagonal) {
  const std::size_t n = 4, groups = 20000;
  const Array<double> k = Array<double>::from({n, n}, {1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0});
  std::vector<double> seen(n * n);
  const ntk::BlockSource source = [&](const std::vector<std::size_t>& chosen) {
    for (std::size_t i : chosen)
      for (std::size_t j : chosen) seen[i * n + j] += 1;
    return identity(2 * chosen.size());
  };
  ntk::certificate(source, k, {.groups = groups, .group_size = 2});
  const std::vector<double> p = {0.9 * 0.1 + 0.025, 0.9 * 0.2 + 0.025, 0.9 * 0.7 + 0.025, 0.025};
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double expected = groups * (i == j ? 1 - (1 - p[i]) * (1 - p[i]) : 2 * p[i] * p[j]);
      BOOST_TEST(std::abs(seen[i * n + j] - expected) < 5 * std::sqrt(expected));
    }
}

BOOST_AUTO_TEST_CASE(of_a_network) {
  const auto net = nn::sequential(nn::Linear(6, 50), nn::Relu(), nn::Linear(50, 4));
  const auto params = net.init<double>(3);
  Random random("net");
  const Array<double> x = random_array(random, {40, 6});
  const Kernels k{ntk::entk(net, params, x), ntk::pntk(net, params, x), 40, 4};
  const auto formed = ntk::certificate(k.source(), k.k), found = ntk::certificate(net, params, x, k.k);
  BOOST_TEST(std::abs(found.estimate / formed.estimate - 1) < 1e-12);
  BOOST_TEST(std::abs(found.low / formed.low - 1) < 1e-9);
  BOOST_TEST(std::abs(found.high / formed.high - 1) < 1e-9);
  const auto single = ntk::certificate(net, net.init<float>(3), cast<float>(x), cast<float>(k.k));
  BOOST_TEST(std::abs(single.estimate / formed.estimate - 1) < 1e-4);
  BOOST_CHECK_THROW(ntk::certificate(net, params, x.rows(0, 39), k.k), shape_error);
}

BOOST_AUTO_TEST_CASE(quantiles_of_student) {
  // Tables of the t distribution.
  BOOST_TEST(std::abs(ntk::student_quantile(0.975, 9) - 2.262157) < 1e-3);
  BOOST_TEST(std::abs(ntk::student_quantile(0.95, 20) - 1.724718) < 1e-4);
  BOOST_TEST(std::abs(ntk::student_quantile(0.975, 31) - 2.039513) < 1e-4);
  BOOST_TEST(std::abs(ntk::student_quantile(0.995, 60) - 2.660283) < 1e-4);
  BOOST_TEST(std::abs(ntk::student_quantile(0.025, 31) + 2.039513) < 1e-4);
  BOOST_TEST(std::abs(ntk::student_quantile(0.5, 10)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(errors) {
  const Kernels k = kernels_of(10, 8, 2);
  BOOST_CHECK_THROW(ntk::certificate(k.source(), Array<double>{}), shape_error);
  BOOST_CHECK_THROW(ntk::certificate(k.source(), Array<double>::ones({8, 7})), shape_error);
  BOOST_CHECK_THROW(ntk::certificate(k.source(), plus(k.k, k.k, -2)), numerical_error);
  BOOST_CHECK_THROW(ntk::certificate(k.source(), k.k, {.groups = 9}), option_error);
  BOOST_CHECK_THROW(ntk::certificate(k.source(), k.k, {.group_size = 1}), option_error);
  BOOST_CHECK_THROW(ntk::certificate(k.source(), k.k, {.confidence = 1}), option_error);
  const ntk::BlockSource misshapen = [](const std::vector<std::size_t>&) { return Array<double>::ones({3, 5}); };
  BOOST_CHECK_THROW(ntk::certificate(misshapen, k.k), shape_error);
  const ntk::BlockSource zero = [](const std::vector<std::size_t>& c) {
    return Array<double>::zeros({2 * c.size(), 2 * c.size()});
  };
  BOOST_CHECK_THROW(ntk::certificate(zero, k.k), numerical_error);
  BOOST_CHECK_THROW(ntk::student_quantile(0.9, 3), option_error);
}

BOOST_AUTO_TEST_CASE(exact_agreement_is_a_point) {
  const ntk::BlockSource same = [](const std::vector<std::size_t>& c) { return identity(2 * c.size()); };
  const ntk::Certificate found = ntk::certificate(same, identity(50));
  BOOST_TEST(found.estimate == 0);
  BOOST_TEST(found.low == 0);
  BOOST_TEST(found.high == 0);
}

BOOST_AUTO_TEST_SUITE_END()
