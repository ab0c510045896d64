// Identities that kernels obey by definition, for every network of the table and every strategy.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <numeric>

#include "autodiff/ops/loss.hpp"
#include "ntk/attribution.hpp"
#include "ntk/kernel.hpp"
#include "ntk/layer_kernels.hpp"
#include "ntk/metric.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/ntk/readouts_of_examples.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

// A network of the table with examples, labels and the eNTK by whole gradients.
struct Setting {
  const NetworkRow& row;
  nn::Parameters<double> params;
  Array<double> x;
  std::size_t outputs;
  ntk::Labels y;

  explicit Setting(const NetworkRow& network)
      : row(network), params(row.net->init<double>(7)), x(examples_of(row, 5, "identities")) {
    outputs = outputs_of(*row.net, params, x).shape()[1];
    y = labels_of(5, outputs, 2);
  }
  Array<double> kernel(const ntk::Readout& r, const ntk::Options& options) const {
    return ntk::kernel(*row.net, params, x, r, options);
  }
  Array<double> entk() const { return kernel(readout::full(), {.strategy = ntk::Strategy::jacobian}); }

  // (N, P): the gradient of f(outputs, n) at each example n by itself.
  Array<double> gradients(const std::function<Var<double>(const Var<double>&, std::size_t)>& f) const {
    Array<double> out = Array<double>::zeros({x.shape()[0], params.size()});
    for (std::size_t n = 0; n < x.shape()[0]; ++n) {
      Tape<double> tape;
      const auto r = row.net->record(tape, params, Array<double>(x.rows(n, n + 1)));
      const auto g = pullback<double>(f(r.output, n), Var<double>(Array<double>::scalar(1)), r.parameters);
      for (std::size_t p = 0; p < g.size(); ++p)
        if (g[p].defined())
          std::copy_n(g[p].value().data(), g[p].size(),
                      out.mutable_data() + n * params.size() + params.infos()[p].offset);
    }
    return out;
  }
};

// For every network, strategy and two sizes of tiles. Networks of one output are left out where a softmax needs two.
void for_all(std::size_t least_outputs, const std::function<void(const Setting&, const ntk::Options&)>& check) {
  for (const NetworkRow& row : networks()) {
    const Setting s(row);
    if (s.outputs < least_outputs) continue;
    for (const ntk::Strategy strategy : all_strategies)
      for (const std::size_t tile : {0, 2}) BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy) << ", " << tile)
    check(s, {.strategy = strategy, .tile = tile});
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(identities)

BOOST_AUTO_TEST_CASE(the_identity_for_each_example_gives_the_entk) {
  for_all(1, [](const Setting& s, const ntk::Options& options) {
    Array<double> eye = Array<double>::zeros({5, s.outputs, s.outputs});
    for (std::size_t n = 0; n < 5; ++n)
      for (std::size_t o = 0; o < s.outputs; ++o) eye.mutable_data()[(n * s.outputs + o) * s.outputs + o] = 1;
    BOOST_TEST(kernel_difference(s.kernel(readout::per_example(eye), options), s.entk()) < 1e-10);
  });
}

BOOST_AUTO_TEST_CASE(the_same_sum_for_each_example_gives_the_pntk) {
  for_all(1, [](const Setting& s, const ntk::Options& options) {
    const Array<double> sums = Array<double>::full({5, s.outputs}, 1 / std::sqrt(static_cast<double>(s.outputs)));
    const Array<double> k = s.kernel(readout::per_example(sums), options), theta = s.entk();
    Array<double> expected = Array<double>::zeros({5, 5});  // mean over the rows of each block of its sums
    for (std::size_t i = 0; i < theta.size(); ++i)
      expected.mutable_data()[i / (5 * s.outputs) / s.outputs * 5 + i % (5 * s.outputs) / s.outputs] +=
          theta[i] / static_cast<double>(s.outputs);
    BOOST_TEST(kernel_difference(k, expected) < 1e-10);
    BOOST_TEST(kernel_difference(k, ntk::pntk(*s.row.net, s.params, s.x, options)) < 1e-10);
  });
}

BOOST_AUTO_TEST_CASE(the_output_of_the_label_gives_one_entry_of_each_block) {
  for_all(1, [](const Setting& s, const ntk::Options& options) {
    const Array<double> theta = s.entk();
    Array<double> picked({5, 5}), unit = Array<double>::zeros({5, s.outputs});
    for (std::size_t n = 0; n < 5; ++n) {
      unit.mutable_data()[n * s.outputs + s.y[n]] = 1;
      for (std::size_t m = 0; m < 5; ++m)
        picked.mutable_data()[n * 5 + m] = theta[(n * s.outputs + s.y[n]) * 5 * s.outputs + m * s.outputs + s.y[m]];
    }
    BOOST_TEST(kernel_difference(s.kernel(readout::per_example(unit), options), picked) < 1e-10);
    BOOST_TEST(kernel_difference(s.kernel(readout::labels(s.y), options), picked) < 1e-10);
  });
}

// The diagonal has the squared norms of the gradients of single losses, and the sum of all entries is N^2 times the
// squared norm of the gradient of their mean.
BOOST_AUTO_TEST_CASE(softmax_minus_label_gives_the_gram_of_gradients_of_cross_entropy) {
  for (const NetworkRow& row : networks()) {
    const Setting s(row);
    if (s.outputs < 2) continue;
    const Array<double> g =
        s.gradients([&](const Var<double>& f, std::size_t n) { return cross_entropy(f, ntk::Labels{s.y[n]}); });
    Tape<double> tape;
    const auto r = row.net->record(tape, s.params, s.x);
    double of_mean = 0;
    for (const Var<double>& one :
         pullback<double>(cross_entropy(r.output, s.y), Var<double>(Array<double>::scalar(1)), r.parameters))
      if (one.defined()) of_mean += inner(one.value(), one.value());
    const Array<double> a = combinations(
        outputs_of(*row.net, s.params, s.x), s.y,
        [](const std::vector<double>& p, std::size_t y, std::size_t o) { return p[o] - (y == o ? 1.0 : 0.0); });
    for (const ntk::Strategy strategy : all_strategies)
      for (const std::size_t tile : {0, 2})
        for (const ntk::Readout& own : {readout::loss(s.y), readout::per_example(a)})
          BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy) << ", " << own.name() << ", " << tile) {
            const Array<double> k = s.kernel(own, {.strategy = strategy, .tile = tile});
            BOOST_TEST(kernel_difference(k, product(g, transposed(g))) < 1e-10);
            double size = 0;
            for (std::size_t i = 0; i < k.size(); ++i) size += std::abs(k[i]);
            const double sum = std::accumulate(k.data(), k.data() + k.size(), 0.0);
            BOOST_TEST(std::abs(sum - 25 * of_mean) < 1e-10 * size);
            for (std::size_t n = 0; n < 5; ++n) {
              const double norm = inner(g.rows(n, n + 1), g.rows(n, n + 1));
              BOOST_TEST(std::abs(k[n * 6] - norm) <= 1e-10 * norm);
            }
          }
  }
}

BOOST_AUTO_TEST_CASE(a_kernel_is_the_sum_of_layers_and_of_a_subset_and_the_rest) {
  for_all(1, [](const Setting& s, const ntk::Options& options) {
    if (s.params.count() < 2) return;
    for (const ntk::Readout& r : {readout::full(), readout::labels(s.y)}) {
      const Array<double> whole = s.kernel(r, {.strategy = ntk::Strategy::jacobian});
      Array<double> sum = Array<double>::zeros(whole.shape());
      const std::string name = s.params.infos().back().name;
      for (const auto& patterns : {std::vector<std::string>{name}, {"!" + name}}) {
        ntk::Options part = options;
        part.parameters = patterns;
        sum = plus(sum, s.kernel(r, part));
      }
      BOOST_TEST(kernel_difference(sum, whole) < 1e-10);
      if (options.strategy != ntk::Strategy::automatic && options.strategy != ntk::Strategy::structured) continue;
      sum = Array<double>::zeros(whole.shape());
      for (const auto& layer : ntk::layer_kernels(*s.row.net, s.params, s.x, r, {.options = options}))
        sum = plus(sum, layer.kernel);
      BOOST_TEST(kernel_difference(sum, whole) < 1e-10);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_multiple_of_the_identity_as_a_metric_scales_the_kernel) {
  for_all(1, [](const Setting& s, const ntk::Options& options) {
    for (const ntk::Readout& r : {readout::full(), readout::labels(s.y)}) {
      const Array<double> whole = s.kernel(r, {.strategy = ntk::Strategy::jacobian});
      const Array<double> scaled = plus(whole, whole, 1.5);
      for (const ntk::Metric& metric : {ntk::Metric{.elements = Array<double>::full({s.params.size()}, 2.5)},
                                        ntk::Metric{.arrays = Array<double>::full({s.params.count()}, 2.5)}}) {
        ntk::Options weighed = options;
        weighed.metric = metric;
        BOOST_TEST(kernel_difference(s.kernel(r, weighed), scaled) < 1e-10);
      }
    }
  });
}

// (Phi^T Phi + l I)^-1 Phi^T = Phi^T (Phi Phi^T + l I)^-1 for the gradients Phi of margins. The scores of rows Phi^T
// are the right side, with the kernel of the library in place of Phi Phi^T; times Phi^T Phi + l I it must be Phi^T.
BOOST_AUTO_TEST_CASE(scores_of_attribution_are_those_of_the_primal_problem) {
  for (const NetworkRow& row : networks()) {
    const Setting s(row);
    if (s.outputs < 2) continue;
    const Array<double> phi = s.gradients([&](const Var<double>& f, std::size_t n) {
      const Var<double> p = exp(-cross_entropy(f, ntk::Labels{s.y[n]}));
      return log(p / (1.0 - p));
    });
    const Array<double> rows = transposed(phi);
    const Array<double> misses = ntk::misses(outputs_of(*row.net, s.params, s.x), s.y);
    for (const ntk::Strategy strategy : all_strategies)
      for (const double ridge : {1e-3, 1.0}) BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy)) {
          const Array<double> k = s.kernel(readout::margin(s.y), {.strategy = strategy, .tile = 2});
          BOOST_TEST(kernel_difference(k, product(phi, rows)) < 1e-10);
          const ntk::Attribution attribution(k, {.ridge = ridge});
          Array<double> w = attribution.scores(rows, misses);  // (P, N)
          for (std::size_t i = 0; i < w.size(); ++i) w.mutable_data()[i] /= misses[i % 5];
          const Array<double> back = plus(product(rows, product(phi, w)), w, attribution.ridge());
          BOOST_TEST(relative_error(back, rows) < 1e-10);
        }
  }
}

BOOST_AUTO_TEST_SUITE_END()
