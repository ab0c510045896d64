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
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;
using ntk::Labels;

namespace {

Labels labels_of(std::size_t n, std::size_t outputs, std::size_t step) {
  Labels y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = (i * step + 1) % outputs;
  return y;
}

std::vector<double> softmax_of(const double* f, std::size_t outputs) {
  const double top = *std::max_element(f, f + outputs);
  std::vector<double> p(outputs);
  double sum = 0;
  for (std::size_t o = 0; o < outputs; ++o) sum += p[o] = std::exp(f[o] - top);
  for (double& v : p) v /= sum;
  return p;
}

Array<double> outputs_of(const nn::ModuleBase& net, const nn::Parameters<double>& params, const Array<double>& x) {
  const Array<double> f = net(params, x);
  return f.reshaped({x.shape()[0], f.size() / x.shape()[0]});
}

// A (N, O) of a function of the softmax p, the number of outputs, and whether an output is that of the label.
template <class F>
Array<double> combinations(const Array<double>& f, const Labels& y, const F& entry) {
  const std::size_t n = f.shape()[0], o = f.shape()[1];
  Array<double> a({n, o});
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<double> p = softmax_of(f.data() + i * o, o);
    for (std::size_t j = 0; j < o; ++j) a.mutable_data()[i * o + j] = entry(p, y[i], j);
  }
  return a;
}

// One readout of each kind, and its A for some outputs and labels.
struct Kind {
  std::string name;
  std::function<ntk::Readout(const Labels&, const Array<double>& targets)> make;
  std::function<Array<double>(const Array<double>& f, const Labels&, const Array<double>& targets)> expected;
};

std::vector<Kind> kinds() {
  using P = std::vector<double>;
  const auto of = [](auto entry) {
    return [entry](const Array<double>& f, const Labels& y, const Array<double>&) { return combinations(f, y, entry); };
  };
  const auto from_labels = [](auto make) { return [make](const Labels& y, const Array<double>&) { return make(y); }; };
  return {{"labels", from_labels([](const Labels& y) { return readout::labels(y); }),
           of([](const P&, std::size_t y, std::size_t o) { return y == o ? 1.0 : 0.0; })},
          {"log_probability", from_labels([](const Labels& y) { return readout::log_probability(y); }),
           of([](const P& p, std::size_t y, std::size_t o) { return (y == o ? 1.0 : 0.0) - p[o]; })},
          {"loss", from_labels([](const Labels& y) { return readout::loss(y); }),
           of([](const P& p, std::size_t y, std::size_t o) { return p[o] - (y == o ? 1.0 : 0.0); })},
          {"margin", from_labels([](const Labels& y) { return readout::margin(y); }),
           of([](const P& p, std::size_t y, std::size_t o) { return y == o ? 1.0 : -p[o] / (1 - p[y]); })},
          {"lpntk", from_labels([](const Labels& y) { return readout::signed_labels(y); }),
           of([](const P& p, std::size_t y, std::size_t o) {
             return (y == o ? 1.0 : -1.0) / std::sqrt(static_cast<double>(p.size()));
           })},
          {"loss", [](const Labels&, const Array<double>& t) { return readout::loss(t); },
           [](const Array<double>& f, const Labels&, const Array<double>& t) {
             Array<double> a(f.shape());
             for (std::size_t i = 0; i < f.size(); ++i)
               a.mutable_data()[i] = 2 * (f[i] - t[i]) / static_cast<double>(f.shape()[1]);
             return a;
           }},
          {"log sum of squares", from_labels([](const Labels&) {
             return readout::of_outputs("log sum of squares",
                                        [](const auto& f, Range) { return log(1.0 + sum(square(f), {1})); });
           }),
           [](const Array<double>& f, const Labels&, const Array<double>&) {
             Array<double> a(f.shape());
             const std::size_t o = f.shape()[1];
             for (std::size_t i = 0; i < f.shape()[0]; ++i) {
               double sum = 1;
               for (std::size_t j = 0; j < o; ++j) sum += f[i * o + j] * f[i * o + j];
               for (std::size_t j = 0; j < o; ++j) a.mutable_data()[i * o + j] = 2 * f[i * o + j] / sum;
             }
             return a;
           }}};
}

// A_n^T Theta(x_n, x_m) B_m for A (N, O, C), B (M, O, C) and Theta (N O, M O): whole blocks, the means of their
// diagonals, or the diagonals.
Array<double> contracted(const Array<double>& theta, const Array<double>& a, const Array<double>& b,
                         ntk::Readout::Reduction reduction = ntk::Readout::Reduction::none) {
  using Reduction = ntk::Readout::Reduction;
  const std::size_t n = a.shape()[0], m = b.shape()[0], o = a.shape()[1], c = a.rank() == 3 ? a.shape()[2] : 1;
  Array<double> out = Array<double>::zeros(reduction == Reduction::none    ? Shape{n * c, m * c}
                                           : reduction == Reduction::trace ? Shape{n, m}
                                                                           : Shape{c, n, m});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (std::size_t k = 0; k < c; ++k)
        for (std::size_t l = 0; l < c; ++l) {
          double value = 0;
          for (std::size_t p = 0; p < o; ++p)
            for (std::size_t q = 0; q < o; ++q)
              value += a[(i * o + p) * c + k] * theta[(i * o + p) * m * o + j * o + q] * b[(j * o + q) * c + l];
          if (reduction == Reduction::none) to[(i * c + k) * m * c + j * c + l] = value;
          if (reduction == Reduction::trace && k == l) to[i * m + j] += value / static_cast<double>(c);
          if (reduction == Reduction::diagonal && k == l) to[(k * n + i) * m + j] = value;
        }
  return out;
}

struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(5, 14), nn::Gelu(), nn::Linear(14, 3));
  nn::Parameters<double> params = net.init<double>(3);
  Random random{"per example"};
  Array<double> x = random_array(random, {7, 5}), other = random_array(random, {4, 5});
  Labels y = labels_of(7, 3, 2), y_other = labels_of(4, 3, 1);
};

}  // namespace

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
            if (strategy == ntk::Strategy::automatic || tile) continue;
            const Array<double> single = ntk::kernel(*row.net, narrow, cast<float>(x1), own, options);
            BOOST_TEST(kernel_difference(single, expected) < 2e-4);
          }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(several_columns_and_all_reductions) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(4);
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
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

BOOST_AUTO_TEST_CASE(operators_packed_kernels_and_plans) {
  const Case c;
  Random random("operator");
  ntk::Readout mean = readout::per_example(random_array(random, {7, 3, 2}));
  mean.reduction = ntk::Readout::Reduction::trace;
  for (const ntk::Readout& own : {readout::loss(c.y), readout::per_example(random_array(random, {7, 3, 2})), mean}) {
    BOOST_TEST_CONTEXT(own.name()) {
      const Array<double> k = ntk::kernel(c.net, c.params, c.x, own);
      const Array<double> u = random_array(random, {k.shape()[0], 2});
      const Array<double> expected = product(k, u);
      for (std::size_t shard : {0, 2}) {
        const ntk::Operator<double> theta(c.net, c.params, c.x, own, {.shard = shard});
        BOOST_TEST(theta.rows() == k.shape()[0]);
        BOOST_TEST(kernel_difference(theta(u), expected) < 1e-12);
        BOOST_TEST(kernel_difference(theta.map().apply(u), expected) < 1e-12);
      }
      const ntk::PackedKernel packed = ntk::packed_kernel(c.net, c.params, c.x, own);
      BOOST_TEST(kernel_difference(packed.dense(), k) < 1e-13);
    }
  }
  const ntk::Readout both = readout::between(readout::margin(c.y), readout::loss(c.y_other));
  const Array<double> k = ntk::kernel(c.net, c.params, c.x, c.other, both), u = random_array(random, {4, 3});
  const Array<double> expected = product(k, u);
  BOOST_TEST(kernel_difference(ntk::Operator<double>(c.net, c.params, c.x, c.other, both, {.shard = 3})(u), expected) <
             1e-12);
  // Two readouts of the same examples: a square operator that is not symmetric.
  const ntk::Readout pair = readout::between(readout::margin(c.y), readout::labels(c.y));
  const ntk::Operator<double> square(c.net, c.params, c.x, pair);
  BOOST_CHECK_THROW(square.map(), shape_error);
  BOOST_CHECK_THROW(ntk::packed_kernel(c.net, c.params, c.x, pair), option_error);
  const ntk::Plan plan = ntk::plan(c.net, c.params, c.x, readout::loss(c.y));
  BOOST_TEST(plan.probes == 1u);
  BOOST_TEST(plan.symmetric);
  BOOST_TEST(plan.readout == "loss");
  BOOST_TEST(!ntk::plan(c.net, c.params, c.x, pair).symmetric);
  // One probe costs what the pNTK costs, except in the last layer, whose closed form needs a common readout.
  const ntk::Plan pseudo = ntk::plan(c.net, c.params, c.x, readout::pseudo());
  BOOST_TEST(plan.sweep_flop == pseudo.sweep_flop);
  BOOST_TEST(plan.contraction_flop > pseudo.contraction_flop);
  BOOST_TEST(plan.contraction_flop < 1.5 * pseudo.contraction_flop);
}

BOOST_AUTO_TEST_CASE(a_store_knows_labels_and_functions) {
  const Case c;
  const auto compute = [&](const std::filesystem::path& store, const ntk::Readout& r) {
    return ntk::stored_kernel(c.net, c.params, c.x, r, {.tile = 3, .store = store}).matrix();
  };
  const TemporaryFolder folder;
  const Array<double> expected = ntk::kernel(c.net, c.params, c.x, readout::loss(c.y), {.tile = 3});
  BOOST_TEST(same_bits(compute(folder / "s", readout::loss(c.y)), expected));
  BOOST_TEST(same_bits(compute(folder / "s", readout::loss(c.y)), expected));
  Labels changed = c.y;
  changed[5] = (changed[5] + 1) % 3;
  const std::string message = message_of<option_error>([&] { compute(folder / "s", readout::loss(changed)); });
  BOOST_TEST(has(message, "readout"));
  BOOST_CHECK_THROW(compute(folder / "s", readout::margin(c.y)), option_error);
  const auto scaled = [](double scale) {
    return readout::of_outputs("mine", [scale](const auto& f, Range) { return scale * sum(f, {1}); });
  };
  compute(folder / "t", scaled(1));
  compute(folder / "t", scaled(1));
  BOOST_CHECK_THROW(compute(folder / "t", scaled(2)), option_error);
  // A function that knows something of each example is told from one that knows something else of a late one.
  const auto weighted = [](std::vector<double> weights) {
    return readout::of_outputs("weighted", [weights](const auto& f, Range at) {
      using T = std::decay_t<decltype(f.value()[0])>;
      Array<T> w({at.size()});
      for (std::size_t i = 0; i < at.size(); ++i) w.mutable_data()[i] = static_cast<T>(weights[at.first + i]);
      return batched(w) * sum(f, {1});
    });
  };
  std::vector<double> weights(7, 1.0);
  compute(folder / "w", weighted(weights));
  compute(folder / "w", weighted(weights));
  weights[5] = 2;
  BOOST_CHECK_THROW(compute(folder / "w", weighted(weights)), option_error);
}

// The derivative of sum(W o K) with respect to inputs and parameters, where the combinations depend on both, too.
BOOST_AUTO_TEST_CASE(kernels_of_losses_are_differentiable) {
  const Case c;
  Random random("weights");
  for (const ntk::Readout& own : {readout::loss(c.y), readout::margin(c.y), readout::labels(c.y)}) {
    BOOST_TEST_CONTEXT(own.name()) {
      const Array<double> w = random_array(random, {7, 7});
      const auto value = [&](const std::vector<Array<double>>& a) {
        nn::Parameters<double> params = c.params;
        params.set_flat(a[1]);
        return std::vector<Array<double>>{Array<double>::scalar(inner(ntk::kernel(c.net, params, a[0], own), w))};
      };
      Tape<double> tape;
      const Var<double> x = tape.variable(c.x, Examples::axis0);
      const Var<double> k = ntk::differentiable_kernel(c.net, c.params, x, x, own);
      BOOST_TEST(kernel_difference(k.value(), ntk::kernel(c.net, c.params, c.x, own)) < 1e-12);
      const auto g = ntk::kernel_gradient(c.net, c.params, c.x, c.x, w, own, {.block = 3, .parameters = true});
      std::vector<double> flat;
      for (const Array<double>& p : g.parameters) flat.insert(flat.end(), p.data(), p.data() + p.size());
      const Array<double> dx = random_array(random, c.x.shape()), dp = random_array(random, c.params.flat().shape());
      const double numeric = central_difference(value, {c.x, c.params.flat()}, {dx, dp})[0][0];
      const double exact =
          inner(g.x1, dx) + inner(g.x2, dx) + inner(Array<double>::from(c.params.flat().shape(), flat), dp);
      BOOST_TEST(std::abs(exact - numeric) < 1e-6 * (1 + std::abs(numeric)));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
