// Compares every kernel with other ways of computing it, on every network of the table.
#include <oneapi/tbb/global_control.h>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "autodiff/kernels/blas.hpp"
#include "ntk/compare.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/kernel.hpp"
#include "ntk/spectrum.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

std::vector<ntk::Readout> readouts(std::size_t outputs) {
  Random random("readout");
  return {ntk::readout::full(),
          ntk::readout::pseudo(),
          ntk::readout::single(outputs - 1),
          ntk::readout::random_signs(7),
          ntk::readout::random_signs(7, 3),
          ntk::readout::trace(),
          ntk::readout::diagonal(),
          ntk::readout::custom(random_array(random, {outputs, 2}))};
}

std::size_t outputs_of(const NetworkRow& row, const nn::Parameters<double>& params) {
  return (*row.net)(params, examples_of(row, 1, "o")).shape()[1];
}

// The strategy that is forced for this size of tiles. Tiles are cut alike for all strategies, so one size for each is
// enough.
ntk::Strategy strategy_of_tiles(std::size_t tile) {
  return tile == 1 ? ntk::Strategy::jacobian : tile == 3 ? ntk::Strategy::vector_products : ntk::Strategy::structured;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel)

BOOST_AUTO_TEST_CASE(all_strategies_agree) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    for (const ntk::Readout& readout : readouts(outputs_of(row, params))) {
      BOOST_TEST_CONTEXT(row.name << ", readout " << readout.name()) {
        const auto square = ntk::kernel(*row.net, params, x1, readout, {.strategy = ntk::Strategy::jacobian});
        const auto cross = ntk::kernel(*row.net, params, x1, x2, readout, {.strategy = ntk::Strategy::jacobian});
        BOOST_TEST(symmetric_to_the_bit(square));
        for (ntk::Strategy strategy :
             {ntk::Strategy::automatic, ntk::Strategy::structured, ntk::Strategy::vector_products}) {
          const ntk::Options options{.strategy = strategy};
          const auto k = ntk::kernel(*row.net, params, x1, readout, options);
          BOOST_TEST(kernel_difference(k, square) < 1e-12);
          BOOST_TEST(symmetric_to_the_bit(k));
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, readout, options), cross) < 1e-12);
        }
        for (const ntk::Rule* rule : ntk::rules()) {
          const ntk::Options options{.strategy = ntk::Strategy::structured, .rule = rule};
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, readout, options), square) < 1e-12);
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, readout, options), cross) < 1e-12);
        }
        for (std::size_t tile : {1, 2, 3, 5}) {
          const ntk::Options options{.strategy = strategy_of_tiles(tile), .tile = tile};
          const auto k = ntk::kernel(*row.net, params, x1, readout, options);
          BOOST_TEST(kernel_difference(k, square) < 1e-12);
          BOOST_TEST(symmetric_to_the_bit(k));
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, readout, options), cross) < 1e-12);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(readouts_are_blockwise_sums_of_the_entk) {
  for (const NetworkRow& row : networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net->init<double>(4);
      const Array<double> x1 = examples_of(row, 4, "1"), x2 = examples_of(row, 3, "2");
      const std::size_t o = outputs_of(row, params), columns = 3 * o;
      const auto theta = ntk::entk(*row.net, params, x1, x2);
      for (const ntk::Readout& readout : readouts(o)) {
        const bool whole = readout.reduction == ntk::Readout::Reduction::none;
        const bool planes = readout.reduction == ntk::Readout::Reduction::diagonal;
        const Array<double> r = readout.weights(o);
        const std::size_t c = r.shape()[1], block = whole ? c : 1;
        Array<double> expected = Array<double>::zeros(planes && c > 1 ? Shape{c, 4, 3} : Shape{4 * block, 3 * block});
        double* to = expected.mutable_data();
        for (std::size_t n = 0; n < 4; ++n)
          for (std::size_t m = 0; m < 3; ++m)
            for (std::size_t i = 0; i < c; ++i)
              for (std::size_t j = 0; j < c; ++j) {
                double value = 0;
                for (std::size_t a = 0; a < o; ++a)
                  for (std::size_t b = 0; b < o; ++b)
                    value += r[a * c + i] * theta[(n * o + a) * columns + m * o + b] * r[b * c + j];
                if (whole) to[(n * c + i) * 3 * c + m * c + j] = value;
                if (planes && i == j) to[(i * 4 + n) * 3 + m] = value;
                if (!whole && !planes && i == j) to[n * 3 + m] += value / static_cast<double>(c);
              }
        BOOST_TEST_CONTEXT(readout.name())
        BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, readout), expected) < 1e-12);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(float_kernels_follow_double) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(5);
    const auto single = row.net->init<float>(5);
    const Array<double> x = examples_of(row, 6, "f");
    const Array<float> narrow = cast<float>(x);
    for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo()}) {
      const auto expected = ntk::kernel(*row.net, params, x, readout);
      for (ntk::Strategy strategy :
           {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products})
        for (std::size_t tile : {0, 1, 4}) {
          BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy) << ", tiles of " << tile) {
            const ntk::Options options{.strategy = strategy, .tile = tile};
            const auto k = ntk::kernel(*row.net, single, narrow, readout, options);
            BOOST_TEST(ntk::relative_difference(k, expected) < 1e-5);
            BOOST_TEST(symmetric_to_the_bit(k));
          }
        }
    }
  }
}

BOOST_AUTO_TEST_CASE(one_example) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(6);
    const Array<double> x = examples_of(row, 3, "n");
    const auto all = ntk::pntk(*row.net, params, x);
    const auto one = ntk::pntk(*row.net, params, Array<double>(x.rows(1, 2)));
    BOOST_TEST(one.shape() == (Shape{1, 1}));
    BOOST_TEST(std::abs(one[0] - all[4]) < 1e-12 * std::abs(all[4]));
  }
}

BOOST_AUTO_TEST_CASE(kernels_have_no_negative_eigenvalues) {
  for (const NetworkRow& row : networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net->init<double>(8);
      const auto values = ntk::eigenvalues(ntk::entk(*row.net, params, examples_of(row, 6, "psd")));
      BOOST_TEST(values.front() > -1e-12 * values.back());
      std::size_t rank = 0;
      for (double v : values) rank += v > 1e-10 * values.back();
      BOOST_TEST(rank <= params.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(linear_model_in_closed_form) {
  const auto net = nn::sequential(nn::Linear(4, 3));
  const auto params = net.init<double>(1);
  Random random("linear model");
  const Array<double> x = random_array(random, {5, 4});
  const auto k = ntk::pntk(net, params, x);
  for (std::size_t n = 0; n < 5; ++n)
    for (std::size_t m = 0; m < 5; ++m) {
      double expected = 1;
      for (std::size_t i = 0; i < 4; ++i) expected += x[n * 4 + i] * x[m * 4 + i];
      BOOST_TEST(std::abs(k[n * 5 + m] - expected) < 1e-14);
    }
  BOOST_TEST(ntk::relative_frobenius(ntk::entk(net, params, x), k, 3) < 1e-15);
}

// Jacot, Gabriel, Hongler 2018; Cho and Saul 2009. f = sqrt(2 / W) v relu(u x / sqrt(d)), all weights N(0, 1):
// K = x.x' / d * k0 + k1 with the arc-cosine kernels k0, k1 of the angle between x and x'.
BOOST_AUTO_TEST_CASE(relu_network_tends_to_the_arc_cosine_kernel) {
  Random random("arc cosine");
  const std::size_t n = 6, d = 5;
  const Array<double> x = random_array(random, {n, d});
  const auto dot = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t i = 0; i < d; ++i) sum += x[a * d + i] * x[b * d + i];
    return sum / static_cast<double>(d);
  };
  Array<double> limit({n, n});
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b) {
      const double norms = std::sqrt(dot(a, a) * dot(b, b));
      const double angle = std::acos(std::clamp(dot(a, b) / norms, -1.0, 1.0)), pi = std::acos(-1.0);
      const double k0 = (pi - angle) / pi;
      limit.mutable_data()[a * n + b] =
          dot(a, b) * k0 + norms * (std::sin(angle) + (pi - angle) * std::cos(angle)) / pi;
    }
  std::vector<double> widths, errors;
  for (std::size_t width : {64, 256, 1024, 4096}) {
    const nn::WeightOptions first{.bias = false, .parameterization = nn::Parameterization::ntk};
    nn::WeightOptions second = first;
    second.sigma_w = std::sqrt(2.0);
    const auto net = nn::sequential(nn::Linear(d, width, first), nn::Relu(), nn::Linear(width, 1, second));
    double error = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed)
      error += ntk::relative_difference(ntk::pntk(net, net.init<double>(seed), x), limit) / 12;
    widths.push_back(static_cast<double>(width));
    errors.push_back(error);
  }
  BOOST_TEST(errors.back() < 0.03);
  BOOST_TEST(std::abs(ntk::log_log_slope(widths, errors) + 0.5) < 0.1);
}

BOOST_AUTO_TEST_CASE(the_pntk_approaches_the_entk_with_the_width) {
  Random random("width");
  const Array<double> x = random_array(random, {8, 10});
  std::vector<double> widths, errors;
  for (std::size_t width : {32, 128, 512}) {
    const nn::WeightOptions he{.initialization = nn::Initialization::kaiming_normal};
    const auto net = nn::sequential(nn::Linear(10, width, he), nn::Relu(), nn::Linear(width, width, he), nn::Relu(),
                                    nn::Linear(width, 5, he));
    double error = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const auto params = net.init<double>(seed);
      error += ntk::relative_frobenius(ntk::entk(net, params, x), ntk::pntk(net, params, x), 5) / 8;
    }
    widths.push_back(static_cast<double>(width));
    errors.push_back(error);
  }
  BOOST_TEST(std::abs(ntk::log_log_slope(widths, errors) + 0.5) < 0.1);
}

BOOST_AUTO_TEST_CASE(xtensor_inputs) {
  const auto net = nn::sequential(nn::Linear(4, 3));
  const auto params = net.init<float>(1);
  const xt::xarray<double> x = {{1, 2, 3, 4}, {0, 1, 0, 1}};
  const auto k = ntk::pntk(net, params, x);
  BOOST_TEST(std::abs(k[1] - 7.0) < 1e-5);
  BOOST_TEST(ntk::entk(net, params, x, x + 0.0).shape() == (Shape{6, 6}));
}

// Bits depend on the partition alone; another one rounds differently.
BOOST_AUTO_TEST_CASE(the_same_bits_again_whole_and_tiled) {
  const auto net = nn::sequential(nn::Linear(6, 40), nn::Relu(), nn::Linear(40, 3));
  const auto params = net.init<float>(2);
  Random random("bits");
  const Array<float> x = cast<float>(random_array(random, {33, 6}));
  const auto k = ntk::entk(net, params, x);
  BOOST_TEST(same_bits(k, ntk::entk(net, params, x)));
  const auto tiled = ntk::entk(net, params, x, {.tile = 7});
  BOOST_TEST(same_bits(tiled, ntk::entk(net, params, x, {.tile = 7})));
  BOOST_TEST(ntk::relative_difference(tiled, k) < 1e-6);
}

BOOST_AUTO_TEST_CASE(the_same_bits_on_any_number_of_threads) {
  const auto net =
      nn::sequential(nn::Linear(20, 200), nn::Relu(), nn::Linear(200, 200), nn::Relu(), nn::Linear(200, 4));
  const auto params = net.init<float>(2);
  Random random("threads");
  const Array<float> x = cast<float>(random_array(random, {150, 20}));
  std::vector<Array<double>> kernels;
  for (std::size_t threads : {1, 2, 4}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    kernels.push_back(ntk::entk(net, params, x));
  }
  BOOST_TEST(same_bits(kernels[0], kernels[1]));
  BOOST_TEST(same_bits(kernels[0], kernels[2]));
}

// A kernel entry is <grad f(x), grad f(x')>; its gradient with respect to x by a sweep over recorded sweeps.
BOOST_AUTO_TEST_CASE(derivative_of_a_kernel_entry) {
  const auto net = nn::sequential(nn::Linear(4, 7), nn::Tanh(), nn::Linear(7, 3));
  const auto params = net.init<double>(2);
  Random random("entry");
  const Array<double> a = random_array(random, {1, 4}), b = random_array(random, {1, 4});
  Tape<double> tape;
  const Var<double> x = tape.variable(a);
  std::vector<Var<double>> leaves;
  for (std::size_t i = 0; i < params.count(); ++i) leaves.push_back(tape.variable(params.slice(i)));
  const Var<double> seed(Array<double>::full({1, 3}, 1 / std::sqrt(3.0)));
  const auto gradient = [&](const Var<double>& input) {
    return pullback<double>(net.apply(params, Vars<double>(leaves), input), seed, leaves, {.record = true});
  };
  const auto ga = gradient(x), gb = gradient(Var<double>(b));
  Var<double> entry;
  for (std::size_t i = 0; i < ga.size(); ++i) {
    const Var<double> term = sum(ga[i] * gb[i]);
    entry = entry.defined() ? entry + term : term;
  }
  const auto value = [&](const Array<double>& at) { return ntk::pntk(net, params, at, b)[0]; };
  BOOST_TEST(std::abs(entry.value().item() - value(a)) < 1e-13);
  const std::vector<Var<double>> wrt{x};
  const Array<double> slope = pullback<double>(entry, Var<double>(Array<double>::scalar(1)), wrt)[0].value();
  for (std::size_t i = 0; i < 4; ++i) {
    Array<double> up = a.clone(), down = a.clone();
    const double h = 1e-5;
    up.mutable_data()[i] += h;
    down.mutable_data()[i] -= h;
    BOOST_TEST(std::abs(slope[i] - (value(up) - value(down)) / (2 * h)) < 1e-8);
  }
}

BOOST_AUTO_TEST_CASE(progress_ends_at_one_and_can_stop) {
  const auto net = nn::sequential(nn::Linear(6, 40), nn::Relu(), nn::Linear(40, 3));
  const auto params = net.init<float>(2);
  Random random("progress");
  const Array<float> x = cast<float>(random_array(random, {20, 6}));
  for (ntk::Strategy strategy : {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products}) {
    double last = 0;
    std::size_t calls = 0;
    ntk::Options options{.strategy = strategy, .tile = 8};
    options.progress = [&](const ntk::Progress& p) {
      BOOST_TEST(p.fraction >= last);
      BOOST_TEST(p.seconds_left >= 0);
      last = p.fraction;
      ++calls;
    };
    ntk::entk(net, params, x, options);
    BOOST_TEST(calls >= 2);
    BOOST_TEST(std::abs(last - 1) < 1e-9);
    options.progress = [](const ntk::Progress&) { throw std::runtime_error("stop"); };
    BOOST_CHECK_THROW(ntk::entk(net, params, x, options), std::runtime_error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
