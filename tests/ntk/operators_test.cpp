// Compares products with kernels that are never formed with products with the formed ones.
#include "ntk/operator.hpp"

#include <oneapi/tbb/global_control.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "autodiff/ops/normalization.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/kernel.hpp"
#include "ntk/spectrum.hpp"
#include "tests/ntk/matrices.hpp"
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
          ntk::readout::random_signs(7, 2),
          ntk::readout::trace(),
          ntk::readout::custom(random_array(random, {outputs, 2}))};
}

Array<double> columns(const std::string& seed, std::size_t n, std::size_t m) {
  Random random(seed);
  return random_array(random, {n, m});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(operators)

BOOST_AUTO_TEST_CASE(products_are_those_with_the_kernel) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    for (const ntk::Readout& readout : readouts((*row.net)(params, x1).shape()[1])) {
      BOOST_TEST_CONTEXT(row.name << ", readout " << readout.name()) {
        const Array<double> square = ntk::kernel(*row.net, params, x1, readout);
        const Array<double> cross = ntk::kernel(*row.net, params, x1, x2, readout);
        const ntk::Operator<double> whole(*row.net, params, x1, readout);
        const ntk::Operator<double> between(*row.net, params, x1, x2, readout, {.shard = 2});
        BOOST_TEST(whole.rows() == square.shape()[0]);
        BOOST_TEST(between.rows() == cross.shape()[0]);
        BOOST_TEST(between.columns() == cross.shape()[1]);
        for (std::size_t m : {1, 3}) {
          const Array<double> u = columns("u", square.shape()[1], m), v = columns("v", cross.shape()[1], m);
          BOOST_TEST(difference(whole(u), product(square, u)) < 1e-11);
          BOOST_TEST(difference(between(v), product(cross, v)) < 1e-11);
        }
        const auto narrow = params.cast<float>();
        const Array<double> u = columns("u", square.shape()[1], 2);
        const ntk::Operator<float> in_float(*row.net, narrow, cast<float>(x1), readout);
        BOOST_TEST(difference(in_float(u), product(square, u)) < 3e-4);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(symmetric) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(4);
    const ntk::Operator<double> k(*row.net, params, examples_of(row, 6, "s"), ntk::readout::full(), {.shard = 4});
    const Array<double> u = columns("u", k.rows(), 1), v = columns("v", k.rows(), 1);
    const double left = inner(u, k(v)), right = inner(k(u), v);
    BOOST_TEST_CONTEXT(row.name)
    BOOST_TEST(std::abs(left - right) <= 1e-12 * std::sqrt(inner(k(u), k(u)) * inner(v, v)));
  }
}

BOOST_AUTO_TEST_CASE(memory_changes_nothing) {
  const nn::Sequential net = nn::lenet();
  const auto params = net.init<double>(1);
  Random random("images");
  const Array<double> x = random_array(random, {24, 1, 28, 28});
  const ntk::Operator<double> roomy(net, params, x, ntk::readout::full(), {.shard = 6});
  BOOST_TEST(roomy.kept_bytes() > 1e6);
  const Array<double> u = columns("u", 240, 5), whole = roomy(u);
  for (std::size_t mib : {1, 2, 3, 6, 12, 24}) {
    const std::size_t budget = (3 + mib) << 20;
    const std::size_t before = memory_statistics().live;
    const ntk::Operator<double> tight(net, params, x, ntk::readout::full(), {.memory = budget, .shard = 6});
    reset_peak_memory();
    BOOST_TEST(difference(tight(u), whole) < 1e-12);
    BOOST_TEST_CONTEXT(mib << " MiB, kept " << tight.kept_bytes())
    BOOST_TEST(memory_statistics().peak - before <= budget);
  }
  const std::string refused =
      message_of([&] { ntk::Operator<double>(net, params, x, ntk::readout::full(), {.memory = 1 << 20}); });
  BOOST_TEST(has(refused, "a product needs "), refused);
  BOOST_TEST(has(refused, "the budget is 1.00 MiB"), refused);
  const ntk::Operator<double> tight(net, params, x, ntk::readout::full(), {.memory = 5 << 20});
  const std::string wide = message_of([&] { tight(columns("w", 240, 2000)); });
  BOOST_TEST(has(wide, "a product with 2000 columns needs"), wide);
  const std::string before = "Apply it to at most ";
  const std::size_t most = std::stoul(wide.substr(wide.find(before) + before.size()));
  BOOST_TEST(most >= 2u);
  BOOST_CHECK_NO_THROW(tight(columns("w", 240, most)));
  BOOST_CHECK_THROW(tight(columns("w", 240, most + 1)), memory_error);
}

BOOST_AUTO_TEST_CASE(threads_change_no_bit) {
  const nn::Sequential net = nn::mlp({20, 64, 64, 5});
  const auto params = net.init<float>(1);
  const Array<float> x = cast<float>(columns("x", 90, 20));
  const Array<double> u = columns("u", 450, 3);
  const auto compute = [&] { return ntk::Operator<float>(net, params, x, ntk::readout::full(), {.shard = 16})(u); };
  const Array<double> usual = compute();
  const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  BOOST_TEST(same_bits(compute(), usual));
}

BOOST_AUTO_TEST_CASE(maps_serve_lanczos_and_outlive_the_operator) {
  const nn::Sequential net = nn::mlp({8, 32, 4});
  const auto params = net.init<double>(5);
  const Array<double> x = columns("x", 30, 8);
  const ntk::LinearMap map = ntk::Operator<double>(net, params, x).map();
  const std::vector<double> all = ntk::eigenvalues(ntk::entk(net, params, x));
  const ntk::Eigensystem top = ntk::largest_eigenvalues(map, 3);
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(std::abs(top.values[i] / all[all.size() - 3 + i] - 1) < 1e-9);
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
  const nn::Sequential net = nn::mlp({3, 4, 2});
  const auto params = net.init<double>(0);
  const Array<double> x = columns("x", 4, 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ntk::Operator<double> k(net, params, x), cross(net, params, x, columns("y", 2, 3));
  BOOST_CHECK_THROW(k(Array<double>::ones({7, 1})), shape_error);
  BOOST_CHECK_THROW(k(Array<double>::ones({8})), shape_error);
  BOOST_CHECK_THROW(k(Array<double>::full({8, 1}, nan)), numerical_error);
  BOOST_TEST((k(Array<double>({8, 0})).shape() == Shape{8, 0}));
  BOOST_CHECK_THROW(cross.map(), shape_error);
  BOOST_CHECK_THROW(ntk::Operator<double>(net, params, columns("z", 4, 5)), shape_error);
  BOOST_CHECK_THROW(ntk::Operator<double>(net, params, x, columns("z", 4, 5)), shape_error);
  BOOST_CHECK_THROW(ntk::Operator<double>(net, params, x, ntk::readout::single(2)), shape_error);
  BOOST_CHECK_THROW(ntk::Operator<double>(net, params, x, ntk::readout::diagonal()), option_error);
  BOOST_CHECK_THROW(ntk::Operator<double>(net, params, x, ntk::readout::full(), {.memory = 1}), memory_error);
  Array<double> broken = x.clone();
  broken.mutable_data()[7] = nan;
  const std::string which = message_of([&] { ntk::Operator<double>(net, params, broken); });
  BOOST_TEST(has(which, "x holds NaN or infinity at example 2, element 1"), which);
  auto bad = net.init<double>(0);
  bad.mutable_data()[0] = nan;
  const std::string weight = message_of([&] { ntk::Operator<double>(net, bad, x); });
  BOOST_TEST(has(weight, "parameter 0.weight holds NaN"), weight);
  auto large = net.init<double>(0);
  for (std::size_t i = 0; i < large.size(); ++i) large.mutable_data()[i] = 1e200;
  BOOST_CHECK_THROW(ntk::Operator<double>(net, large, x)(Array<double>::full({8, 1}, 1e200)), numerical_error);
  const OverExamples mixing;
  BOOST_CHECK_THROW(ntk::Operator<double>(mixing, mixing.init<double>(0), x), batch_error);
}

BOOST_AUTO_TEST_SUITE_END()
