// Compares averages over initializations with kernels of infinitely wide networks in closed form, and with sums in two
// passes.
#include "ntk/monte_carlo.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include "autodiff/kernels/statistics.hpp"
#include "nn/layers/activation.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/gram.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

constexpr double sigma_w = 1.3, sigma_b = 1.0;

nn::WeightOptions in_ntk_parameterization() {
  return {.parameterization = nn::Parameterization::ntk, .sigma_w = sigma_w, .sigma_b = sigma_b};
}

// The NNGP and the NTK of an infinitely wide ReLU network with `hidden` hidden layers. Cho and Saul, Kernel Methods for
// Deep Learning, 2009, equations 1 and 6; Jacot et al. 2018, theorem 1.
struct InfinitelyWide {
  Array<double> nngp, ntk;

  InfinitelyWide(const Array<double>& x, std::size_t hidden) {
    const std::size_t n = x.shape()[0], d = x.shape()[1];
    nngp = product(x, transposed(x));
    for (std::size_t i = 0; i < nngp.size(); ++i)
      nngp.mutable_data()[i] = sigma_w * sigma_w * nngp[i] / static_cast<double>(d) + sigma_b * sigma_b;
    ntk = nngp.clone();
    for (std::size_t layer = 0; layer < hidden; ++layer) {
      const Array<double> before = nngp.clone();
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
          const double length = std::sqrt(before[i * n + i] * before[j * n + j]);
          const double cosine = std::min(1.0, before[i * n + j] / length), angle = std::acos(cosine);
          const double rest = std::numbers::pi - angle;
          const double value = length * (std::sin(angle) + rest * cosine) / (2 * std::numbers::pi);
          const double slope = rest / (2 * std::numbers::pi);
          nngp.mutable_data()[i * n + j] = sigma_w * sigma_w * value + sigma_b * sigma_b;
          ntk.mutable_data()[i * n + j] = nngp[i * n + j] + sigma_w * sigma_w * slope * ntk[i * n + j];
        }
    }
  }
};

// The largest |found - expected|, in standard errors, of entries on and above the diagonal.
double off_by(const ntk::MonteCarlo& found, const Array<double>& expected) {
  const Array<double> error = found.standard_error();
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(found.mean[i] - expected[i]) / error[i]);
  return worst;
}

double norm(const Array<double>& x) { return std::sqrt(inner(x, x)); }

Array<double> points() {
  Random random("points");
  return random_array(random, {4, 3});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(monte_carlo)

// With one hidden layer the mean has no bias of order 1 / width: the weights of the head are independent of it, with
// squares of mean 1. Hence any width will do.
BOOST_AUTO_TEST_CASE(one_hidden_layer_has_the_mean_of_infinite_width) {
  const Array<double> x = points();
  const InfinitelyWide wide(x, 1);
  const nn::Sequential net = nn::mlp({3, 20, 2}, nn::Relu(), in_ntk_parameterization());
  const ntk::MonteCarloOptions many{.samples = 3000, .seed = 5};
  const ntk::MonteCarlo kernel = ntk::monte_carlo(net, x, ntk::readout::pseudo(), many);
  const ntk::MonteCarlo nngp = ntk::monte_carlo<double>(
      net, [&](const nn::Parameters<double>& drawn) { return ntk::output_gram(net, drawn, x); }, many);
  BOOST_TEST(kernel.samples == 3000u);
  BOOST_TEST(off_by(kernel, wide.ntk) < 4.5);
  BOOST_TEST(off_by(nngp, wide.nngp) < 4.5);
  BOOST_TEST(relative_error(kernel.mean, wide.ntk) < 0.05);
  // The test sees a wrong kernel.
  BOOST_TEST(off_by(kernel, wide.nngp) > 20);
  BOOST_TEST(off_by(nngp, wide.ntk) > 20);
}

BOOST_AUTO_TEST_CASE(deeper_networks_come_near_as_they_widen) {
  const Array<double> x = points();
  for (const std::size_t hidden : {2, 3}) {
    const InfinitelyWide wide(x, hidden);
    for (const std::size_t width : {64, 512}) {
      std::vector<std::size_t> sizes(hidden + 2, width);
      sizes.front() = 3;
      sizes.back() = 1;
      const nn::Sequential net = nn::mlp(sizes, nn::Relu(), in_ntk_parameterization());
      const ntk::MonteCarlo kernel =
          ntk::monte_carlo(net, x, ntk::readout::full(), {.samples = width == 64 ? std::size_t{400} : std::size_t{60}});
      const Array<double> error = kernel.standard_error();
      BOOST_TEST_CONTEXT(hidden << " hidden layers of width " << width)
      for (std::size_t i = 0; i < wide.ntk.size(); ++i)
        BOOST_TEST(std::abs(kernel.mean[i] - wide.ntk[i]) <
                   4 * error[i] + 2 * std::abs(wide.ntk[i]) / static_cast<double>(width));
      BOOST_TEST(kernel.relative_error() < 0.05);
      // The spread of one network falls as width^(-1/2).
      BOOST_TEST(norm(kernel.deviation) * std::sqrt(static_cast<double>(width)) < 8 * norm(wide.ntk));
      BOOST_TEST(norm(kernel.deviation) * std::sqrt(static_cast<double>(width)) > norm(wide.ntk));
    }
  }
}

BOOST_AUTO_TEST_CASE(four_times_the_samples_halve_the_error) {
  const Array<double> x = points();
  const nn::Sequential net = nn::mlp({3, 30, 1}, nn::Relu(), in_ntk_parameterization());
  const auto few = ntk::monte_carlo(net, x, ntk::readout::full(), {.samples = 250}),
             many = ntk::monte_carlo(net, x, ntk::readout::full(), {.samples = 1000});
  const double ratio = norm(few.standard_error()) / norm(many.standard_error());
  BOOST_TEST(std::abs(ratio - 2) < 0.25);
  BOOST_TEST(std::abs(few.relative_error() / many.relative_error() - 2) < 0.25);
}

BOOST_AUTO_TEST_CASE(updates_equal_two_passes) {
  const Array<double> x = points(), y = to_double(cast<float>(points()));
  const nn::Sequential net = nn::mlp({3, 5, 2}, nn::Relu(), in_ntk_parameterization());
  std::vector<Array<double>> samples;
  std::set<std::uint64_t> seeds;
  for (std::size_t i = 0; i < 7; ++i) {
    const std::uint64_t seed = ntk::initialization_seed(9, i);
    seeds.insert(seed);
    samples.push_back(ntk::kernel(net, net.init<double>(seed), x, y, ntk::readout::full()));
  }
  BOOST_TEST(seeds.size() == 7u);
  Array<double> mean = Array<double>::zeros(samples[0].shape()), variance = Array<double>::zeros(samples[0].shape());
  for (const auto& s : samples) mean = plus(mean, s, 1.0 / 7);
  for (const auto& s : samples)
    for (std::size_t i = 0; i < s.size(); ++i) variance.mutable_data()[i] += (s[i] - mean[i]) * (s[i] - mean[i]) / 6;
  Array<double> deviation(variance.shape());
  for (std::size_t i = 0; i < variance.size(); ++i) deviation.mutable_data()[i] = std::sqrt(variance[i]);
  const auto found = ntk::monte_carlo(net, x, y, ntk::readout::full(), {.samples = 7, .seed = 9});
  BOOST_TEST((found.mean.shape() == Shape{8, 8}));
  BOOST_TEST(relative_error(found.mean, mean) < 1e-14);
  BOOST_TEST(relative_error(found.deviation, deviation) < 1e-13);
  BOOST_TEST(relative_error(found.standard_error(),
                            plus(Array<double>::zeros(mean.shape()), deviation, 1 / std::sqrt(7.0))) < 1e-13);
  BOOST_TEST(std::abs(found.relative_error() / (norm(deviation) / std::sqrt(7.0) / norm(mean)) - 1) < 1e-12);
}

// A sum of squares minus the square of the sum would lose every digit here.
BOOST_AUTO_TEST_CASE(a_large_mean_does_not_hide_the_spread) {
  double mean = 0, squares = 0;
  for (std::size_t i = 1; i <= 1000; ++i) {
    const double sample = 1e9 + (i % 2 == 0 ? 0.001 : -0.001);
    kernels::add_sample(1, i, &sample, &mean, &squares);
  }
  BOOST_TEST(std::abs(squares / 1000 / 1e-6 - 1) < 1e-3);
}

BOOST_AUTO_TEST_CASE(results_repeat_and_longer_averages_begin_as_shorter_ones) {
  const Array<double> x = points();
  const nn::Sequential net = nn::mlp({3, 6, 1}, nn::Relu(), in_ntk_parameterization());
  const auto samples_of = [&](const ntk::MonteCarloOptions& options) {
    std::vector<Array<double>> out;
    ntk::monte_carlo<float>(
        net,
        [&](const nn::Parameters<float>& drawn) {
          out.push_back(to_double(drawn.flat()));
          return net(drawn, cast<float>(x));  // an array of float
        },
        options);
    return out;
  };
  const auto few = samples_of({.samples = 3, .seed = 2}), many = samples_of({.samples = 6, .seed = 2}),
             others = samples_of({.samples = 3, .seed = 3});
  BOOST_TEST(many.size() == 6u);
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(same_bits(few[i], many[i]));
    BOOST_TEST(same_bits(few[i], to_double(net.init<float>(ntk::initialization_seed(2, i)).flat())));
    BOOST_TEST(difference(few[i], others[i]) > 0.01);
    BOOST_TEST(difference(few[i], many[i + 3]) > 0.01);
  }
  const auto first = ntk::monte_carlo(net, x, ntk::readout::full(), {.samples = 5}),
             second = ntk::monte_carlo(net, x, ntk::readout::full(), {.samples = 5});
  BOOST_TEST(same_bits(first.mean, second.mean));
  BOOST_TEST(same_bits(first.deviation, second.deviation));
  BOOST_TEST(symmetric_to_the_bit(first.mean));
}

BOOST_AUTO_TEST_CASE(stops_when_the_error_is_small_enough) {
  const Array<double> x = points();
  const nn::Sequential net = nn::mlp({3, 40, 1}, nn::Relu(), in_ntk_parameterization());
  std::vector<ntk::MonteCarloProgress> seen;
  const auto progress = [&](const ntk::MonteCarloProgress& p) { seen.push_back(p); };
  const auto found =
      ntk::monte_carlo(net, x, ntk::readout::full(), {.samples = 5000, .tolerance = 0.03, .progress = progress});
  BOOST_TEST(found.samples == seen.size());
  BOOST_TEST(found.samples > 10u);
  BOOST_TEST(found.samples < 5000u);
  BOOST_TEST(std::isinf(seen[0].relative_error));
  for (std::size_t i = 0; i < seen.size(); ++i) {
    BOOST_TEST(seen[i].samples == i + 1);
    if (i + 1 >= 10) BOOST_TEST((seen[i].relative_error <= 0.03) == (i + 1 == seen.size()));
  }
  BOOST_TEST(std::abs(found.relative_error() / seen.back().relative_error - 1) < 1e-12);
  const auto soon = ntk::monte_carlo(net, x, ntk::readout::full(), {.samples = 50, .tolerance = 10, .min_samples = 4});
  BOOST_TEST(soon.samples == 4u);
  BOOST_CHECK_THROW(ntk::monte_carlo(net, x, ntk::readout::full(), {.progress = stop_after(0)}), Stop);
  // Where all samples are equal, nothing is uncertain.
  const auto constant = [](const nn::Parameters<double>&) { return Array<double>::zeros({2}); };
  BOOST_TEST(ntk::monte_carlo<double>(net, constant, {.samples = 20, .tolerance = 1e-9}).samples == 10u);
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array<double> x = points();
  const nn::Sequential net = nn::mlp({3, 6, 1});
  const auto full = ntk::readout::full();
  BOOST_CHECK_THROW(ntk::monte_carlo(net, x, full, {.samples = 1}), option_error);
  BOOST_CHECK_THROW(ntk::monte_carlo(net, x, full, {.tolerance = -1}), option_error);
  BOOST_CHECK_THROW(ntk::monte_carlo(net, x, full, {.tolerance = std::numeric_limits<double>::quiet_NaN()}),
                    option_error);
  BOOST_CHECK_THROW(ntk::monte_carlo(net, x, full, {}, {.store = "folder"}), option_error);
  BOOST_CHECK_THROW(ntk::monte_carlo(net, x, full, {}, {.memory = 100}), memory_error);
  BOOST_CHECK_THROW(ntk::monte_carlo(net, Array<double>({2, 4}), full), shape_error);
  std::size_t calls = 0;
  const auto growing = [&](const nn::Parameters<double>&) { return Array<double>::zeros({++calls}); };
  BOOST_CHECK_THROW(ntk::monte_carlo<double>(net, growing), shape_error);
  BOOST_CHECK_THROW(ntk::monte_carlo<double>(net, [](const nn::Parameters<double>&) { return Array<double>(); }),
                    shape_error);
  calls = 0;
  const auto breaking = [&](const nn::Parameters<double>&) {
    return Array<double>::full({1}, ++calls == 3 ? std::numeric_limits<double>::infinity() : 1.0);
  };
  const std::string message =
      message_of<numerical_error>([&] { ntk::monte_carlo<double>(net, breaking, {.seed = 8}); });
  BOOST_TEST(has(message, "sample 2 (seed " + std::to_string(ntk::initialization_seed(8, 2)) + " of init)"));
}

BOOST_AUTO_TEST_SUITE_END()
