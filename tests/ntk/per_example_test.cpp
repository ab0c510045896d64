// Readouts with combinations of their own for each example. Every kernel is compared with A_n^T Theta(x_n, x_m) B_m,
// where Theta is the eNTK and A and B are computed from the outputs by formulas that are written out here.
#include "ntk/per_example.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/loss.hpp"
#include "autodiff/ops/reduction.hpp"
#include "ntk/compare.hpp"
#include "ntk/differentiable.hpp"
#include "ntk/head_aware.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/ntk/readouts_of_examples.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;
using ntk::Labels;

BOOST_AUTO_TEST_SUITE(per_example)

BOOST_AUTO_TEST_CASE(all_strategies_take_what_each_example_asks_for) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    const auto narrow = params.cast<float>();
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    const Array<double> f1 = outputs_of(*row.net, params, x1), f2 = outputs_of(*row.net, params, x2);
    const std::size_t o = f1.shape()[1];
    const Labels y1 = labels_of(5, o, 2), y2 = labels_of(3, o, 1);
    Random random(row.name + "targets");
    const Array<double> t1 = random_array(random, f1.shape()), t2 = random_array(random, f2.shape());
    const Array<double> square = ntk::entk(*row.net, params, x1), cross = ntk::entk(*row.net, params, x1, x2);
    for (const Kind& kind : kinds()) {
      if (kind.name == "margin" && o < 2) continue;
      const ntk::Readout own = kind.make(y1, t1), both = readout::between(own, kind.make(y2, t2));
      const Array<double> a = kind.expected(f1, y1, t1), b = kind.expected(f2, y2, t2);
      const Array<double> expected = contracted(square, a, a), expected_cross = contracted(cross, a, b);
      if (o == 1 && kind.name != "labels" && kind.name != "lpntk" && inner(expected, expected) < 1e-20)
        continue;  // the softmax of one output does not depend on it
      BOOST_TEST_CONTEXT(row.name << ", readout " << kind.name) {
        BOOST_TEST(own.name() == kind.name);
        for (ntk::Strategy strategy : all_strategies)
          for (std::size_t tile : {0, 2}) {
            const ntk::Options options{.strategy = strategy, .tile = tile};
            const Array<double> k = ntk::kernel(*row.net, params, x1, own, options);
            BOOST_TEST(kernel_difference(k, expected) < 1e-10);
            BOOST_TEST(symmetric_to_the_bit(k));
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, both, options), expected_cross) < 1e-10);
            const Array<float> z1 = cast<float>(x1), z2 = cast<float>(x2);
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, narrow, z1, own, options), expected) < 2e-4);
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, narrow, z1, z2, both, options), expected_cross) < 2e-4);
          }
      }
    }
  }
}

// The labels that are drawn are tested below; here they are what the readout says.
BOOST_AUTO_TEST_CASE(sampled_labels_work_with_all_strategies) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    const auto narrow = params.cast<float>();
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    const Array<double> f1 = outputs_of(*row.net, params, x1), f2 = outputs_of(*row.net, params, x2);
    if (f1.shape()[1] < 2) continue;
    const ntk::Readout own = readout::fisher(5);
    const auto combined = [&](const Array<double>& f) {
      return own.of_rows->cotangents(0, Var<double>(f)).value().reshaped(f.shape());
    };
    const Array<double> a = combined(f1), b = combined(f2);
    const Array<double> square = contracted(ntk::entk(*row.net, params, x1), a, a);
    const Array<double> cross = contracted(ntk::entk(*row.net, params, x1, x2), a, b);
    for (ntk::Strategy strategy : all_strategies)
      for (std::size_t tile : {0, 2}) {
        const ntk::Options options{.strategy = strategy, .tile = tile};
        BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy) << ", tiles of " << tile) {
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, own, options), square) < 1e-10);
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, own, options), cross) < 1e-10);
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, narrow, cast<float>(x1), own, options), square) < 2e-4);
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(several_columns_and_all_reductions) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(4);
    const auto narrow = params.cast<float>();
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    const Array<float> z1 = cast<float>(x1), z2 = cast<float>(x2);
    const std::size_t o = outputs_of(*row.net, params, x1).shape()[1];
    Random random(row.name + "columns");
    const Array<double> a = random_array(random, {5, o, 2}), b = random_array(random, {3, o, 2});
    const Array<double> square = ntk::entk(*row.net, params, x1), cross = ntk::entk(*row.net, params, x1, x2);
    for (const auto reduction :
         {ntk::Readout::Reduction::none, ntk::Readout::Reduction::trace, ntk::Readout::Reduction::diagonal}) {
      ntk::Readout own = readout::per_example(a), both = readout::per_example(a, b);
      own.reduction = both.reduction = reduction;
      for (ntk::Strategy strategy : all_strategies)
        for (std::size_t tile : {0, 1, 3}) {
          const ntk::Options options{.strategy = strategy, .tile = tile};
          BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy) << ", tiles of " << tile) {
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, own, options),
                                         contracted(square, a, a, reduction)) < 1e-12);
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, both, options),
                                         contracted(cross, a, b, reduction)) < 1e-12);
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, narrow, z1, own, options),
                                         contracted(square, a, a, reduction)) < 2e-4);
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, narrow, z1, z2, both, options),
                                         contracted(cross, a, b, reduction)) < 2e-4);
          }
        }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_for_all_examples_is_the_common_readout) {
  const Case c;
  Array<double> identity = Array<double>::zeros({7, 3, 3});
  for (std::size_t n = 0; n < 7; ++n)
    for (std::size_t o = 0; o < 3; ++o) identity.mutable_data()[(n * 3 + o) * 3 + o] = 1;
  BOOST_TEST(kernel_difference(ntk::kernel(c.net, c.params, c.x, readout::per_example(identity)),
                               ntk::entk(c.net, c.params, c.x)) < 1e-13);
  const Array<double> sums = Array<double>::full({7, 3}, 1 / std::sqrt(3.0));
  BOOST_TEST(kernel_difference(ntk::kernel(c.net, c.params, c.x, readout::per_example(sums)),
                               ntk::pntk(c.net, c.params, c.x)) < 1e-13);
  // One side common, the other not; and two common ones, for which the kernel of equal examples is not symmetric.
  const auto mixed = readout::between(readout::single(1), readout::labels(c.y_other));
  const Array<double> k = ntk::kernel(c.net, c.params, c.x, c.other, mixed),
                      theta = ntk::entk(c.net, c.params, c.x, c.other);
  for (std::size_t n = 0; n < 7; ++n)
    for (std::size_t m = 0; m < 4; ++m)
      BOOST_TEST(std::abs(k[n * 4 + m] - theta[(n * 3 + 1) * 12 + m * 3 + c.y_other[m]]) < 1e-12);
  const auto pair = readout::between(readout::single(0), readout::single(2));
  const Array<double> square = ntk::kernel(c.net, c.params, c.x, pair), whole = ntk::entk(c.net, c.params, c.x);
  for (std::size_t n = 0; n < 7; ++n)
    for (std::size_t m = 0; m < 7; ++m) BOOST_TEST(std::abs(square[n * 7 + m] - whole[n * 3 * 21 + m * 3 + 2]) < 1e-12);
}

// The sum of the entries is N^2 times the squared norm of the gradient of the mean loss, and the diagonal has the
// squared norms of the gradients of single losses.
BOOST_AUTO_TEST_CASE(the_gram_of_losses_knows_the_gradient_of_their_mean) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(5);
    const Array<double> x = examples_of(row, 6, "loss");
    const std::size_t o = outputs_of(*row.net, params, x).shape()[1];
    if (o < 2) continue;
    const Labels y = labels_of(6, o, 3);
    const auto squared_norm = [&](std::size_t first, std::size_t last) {
      Tape<double> tape;
      const auto r = row.net->record(tape, params, Array<double>(x.rows(first, last)));
      const Var<double> loss = cross_entropy(r.output, Labels(y.begin() + static_cast<std::ptrdiff_t>(first),
                                                              y.begin() + static_cast<std::ptrdiff_t>(last)));
      double sum = 0;
      for (const Var<double>& g : pullback<double>(loss, Var<double>(Array<double>::scalar(1)), r.parameters))
        if (g.defined()) sum += inner(g.value(), g.value());
      return sum;
    };
    const Array<double> k = ntk::kernel(*row.net, params, x, readout::loss(y));
    BOOST_TEST_CONTEXT(row.name) {
      const double sum = std::accumulate(k.data(), k.data() + k.size(), 0.0), expected = 36 * squared_norm(0, 6);
      BOOST_TEST(std::abs(sum - expected) < 1e-10 * k.size() * k[0]);
      for (std::size_t i = 0; i < 6; ++i)
        BOOST_TEST(std::abs(k[i * 7] - squared_norm(i, i + 1)) < 1e-11 * std::abs(k[i * 7]));
    }
  }
}

// Over many seeds each label is drawn as often as the softmax says, and the same seed draws the same labels in any
// shard.
BOOST_AUTO_TEST_CASE(fisher_draws_labels_from_the_outputs) {
  const Array<double> f = Array<double>::from({2, 3}, std::vector<double>{0.3, 1.1, -0.7, 2.0, 0.1, 0.4});
  const std::size_t draws = 20000;
  for (std::size_t n = 0; n < 2; ++n) {
    const std::vector<double> p = softmax_of(f.data() + n * 3, 3);
    std::vector<double> drawn(3, 0);
    for (std::size_t seed = 0; seed < draws; ++seed) {
      const ntk::Readout fisher = readout::fisher(seed);
      const Array<double> a = fisher.of_rows->cotangents(0, Var<double>(f)).value();
      for (std::size_t o = 0; o < 3; ++o)
        if (a[n * 3 + o] < 0) drawn[o] += 1.0 / static_cast<double>(draws);
      if (seed < 100) {
        const Array<double> alone = fisher.of_rows->cotangents(n, Var<double>(f.rows(n, n + 1))).value();
        for (std::size_t o = 0; o < 3; ++o) BOOST_TEST(alone[o] == a[n * 3 + o]);
      }
    }
    for (std::size_t o = 0; o < 3; ++o) BOOST_TEST(std::abs(drawn[o] - p[o]) < 5 * std::sqrt(p[o] / draws));
  }
  const Case c;
  const Array<double> whole = ntk::kernel(c.net, c.params, c.x, readout::parse("fisher:4"));
  BOOST_TEST(kernel_difference(ntk::kernel(c.net, c.params, c.x, readout::fisher(4), {.tile = 2}), whole) < 1e-12);
}

BOOST_AUTO_TEST_CASE(margins_stay_exact_for_examples_that_are_certain) {
  const Array<double> f = Array<double>::from({1, 3}, std::vector<double>{800, 1, 3});
  const Array<double> a = readout::margin({0}).of_rows->cotangents(0, Var<double>(f)).value();
  const double p = 1 / (1 + std::exp(2.0));
  BOOST_TEST(std::abs(a[0] - 1) < 1e-14);
  BOOST_TEST(std::abs(a[1] + p) < 1e-14);
  BOOST_TEST(std::abs(a[2] + 1 - p) < 1e-14);
}

BOOST_AUTO_TEST_SUITE_END()
