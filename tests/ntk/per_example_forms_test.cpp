// Readouts of single examples with operators, in packed kernels and stores, and their derivatives.
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

namespace {

template <class T>
void check_other_forms(const Case& c, const ntk::Readout& own) {
  const nn::Parameters<T> params = c.params.cast<T>();
  const Array<T> x = cast<T>(c.x);
  const Array<double> expected = ntk::kernel(c.net, params, x, own, {.tile = 3});
  const TemporaryFolder folder;
  BOOST_TEST(
      same_bits(ntk::stored_kernel(c.net, params, x, own, {.tile = 3, .store = folder / "s"}).matrix(), expected));
  const ntk::PackedKernel packed = ntk::packed_kernel(c.net, params, x, own, {.tile = 3});
  BOOST_TEST(kernel_difference(packed.dense(), expected) < (sizeof(T) == 8 ? 1e-13 : 1e-6));
  const ntk::Operator<T> by_sweeps(c.net, params, x, own);
  Array<double> eye = Array<double>::zeros({by_sweeps.columns(), by_sweeps.columns()});
  for (std::size_t i = 0; i < by_sweeps.columns(); ++i) eye.mutable_data()[i * (by_sweeps.columns() + 1)] = 1;
  BOOST_TEST(kernel_difference(by_sweeps(eye), expected) < (sizeof(T) == 8 ? 1e-12 : 1e-5));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(per_example_forms)

BOOST_AUTO_TEST_CASE(all_readouts_are_packed_stored_and_applied) {
  const Case c;
  Random random("other forms");
  const Array<double> targets = random_array(random, {7, 3}), several = random_array(random, {7, 3, 2});
  std::vector<ntk::Readout> all = {readout::fisher(3), readout::per_example(several)};
  for (const Kind& kind : kinds()) all.push_back(kind.make(c.y, targets));
  for (const ntk::Readout& own : all) BOOST_TEST_CONTEXT(own.name()) {
      check_other_forms<double>(c, own);
      check_other_forms<float>(c, own);
    }
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
