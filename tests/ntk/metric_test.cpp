// Kernels J D J^T with a metric D over the parameters.
#include "ntk/metric.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/loss.hpp"
#include "nn/safetensors.hpp"
#include "nn/training/checkpoint.hpp"
#include "nn/training/fit.hpp"
#include "ntk/kernel.hpp"
#include "ntk/layer_kernels.hpp"
#include "ntk/operator.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

// Six examples of three classes, which Adam fits in one update an epoch.
struct Training {
  nn::Sequential net = nn::sequential(nn::Linear(5, 8), nn::Gelu(), nn::Linear(8, 3));
  nn::Parameters<double> begin = net.init<double>(4);
  Random random{"training"};
  Array<double> x = random_array(random, {6, 5});
  ntk::Labels y = {0, 2, 1, 1, 0, 2};
  TemporaryFolder folder;

  nn::Fit<double> fit(std::size_t epochs, const nn::OptimizerSettings& rule = nn::adam({.rate = 0.05, .beta2 = 0.9}),
                      const std::string& name = "checkpoint") const {
    return nn::fit(net, begin, x, y,
                   {.epochs = epochs, .batch = 6, .optimizer = rule, .checkpoint = {.file = folder / name}});
  }
  // The gradients of all entries of f(outputs), (entries, P).
  template <class F>
  Array<double> gradients(const nn::Parameters<double>& params, const F& f) const {
    Tape<double> tape;
    const auto r = net.record(tape, params, x);
    const Var<double> y = f(r.output);
    Array<double> out = Array<double>::zeros({y.size(), params.size()});
    for (std::size_t i = 0; i < y.size(); ++i) {
      Array<double> unit = Array<double>::zeros(y.shape());
      unit.mutable_data()[i] = 1;
      const auto g = pullback<double>(y, Var<double>(unit), r.parameters);
      for (std::size_t p = 0; p < g.size(); ++p)
        std::copy_n(g[p].value().data(), g[p].size(),
                    out.mutable_data() + i * params.size() + params.infos()[p].offset);
    }
    return out;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(metric)

// J D J^T from the gradients of single examples, (n, m) for the sums of outputs.
BOOST_AUTO_TEST_CASE(a_metric_weighs_the_elements_of_gradients) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(6);
    const Array<double> x = examples_of(row, 4, "metric");
    Random random(row.name + "metric");
    const Array<double> elements = random_array(random, {params.size()}, 0.2, 3.0);
    const Array<double> arrays = random_array(random, {params.count()}, 0.2, 3.0);
    std::vector<std::vector<double>> gradients(4, std::vector<double>(params.size(), 0.0));
    double outputs = 0;
    for (std::size_t n = 0; n < 4; ++n) {
      Tape<double> tape;
      const auto r = row.net->record(tape, params, Array<double>(x.rows(n, n + 1)));
      outputs = static_cast<double>(r.output.size());
      const auto g = pullback<double>(r.output, Var<double>(Array<double>::ones(r.output.shape())), r.parameters);
      for (std::size_t p = 0; p < g.size(); ++p)
        if (g[p].defined())
          std::copy_n(g[p].value().data(), g[p].size(), gradients[n].data() + params.infos()[p].offset);
    }
    const auto expected = [&](bool by_element, std::size_t first) {
      Array<double> k = Array<double>::zeros({4, 4});
      for (std::size_t p = first; p < params.count(); ++p)
        for (std::size_t i = 0; i < params.infos()[p].shape.size(); ++i) {
          const std::size_t at = params.infos()[p].offset + i;
          for (std::size_t n = 0; n < 4; ++n)
            for (std::size_t m = 0; m < 4; ++m)
              k.mutable_data()[n * 4 + m] +=
                  (by_element ? elements[at] : arrays[p]) * gradients[n][at] * gradients[m][at] / outputs;
        }
      return k;
    };
    for (const bool by_element : {true, false}) {
      const ntk::Metric metric = by_element ? ntk::Metric{.elements = elements} : ntk::Metric{.arrays = arrays};
      const Array<double> whole = expected(by_element, 0);
      for (const ntk::Strategy strategy : all_strategies)
        for (const std::size_t tile : {0, 3}) {
          BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy) << ", by element " << by_element) {
            const ntk::Options options{.strategy = strategy, .metric = metric, .tile = tile};
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x, readout::pseudo(), options), whole) < 1e-12);
            const Array<double> single =
                ntk::kernel(*row.net, params.cast<float>(), cast<float>(x), readout::pseudo(), options);
            BOOST_TEST(kernel_difference(single, whole) < 1e-4);
          }
        }
      if (params.count() > 1) {
        const Array<double> rest = expected(by_element, 1);
        if (inner(rest, rest) > 1e-20) {
          const ntk::Options without{.parameters = {"!" + params.infos()[0].name}, .metric = metric};
          BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x, readout::pseudo(), without), rest) < 1e-12);
        }
      }
      Array<double> sum = Array<double>::zeros({4, 4});
      for (const auto& part :
           ntk::layer_kernels(*row.net, params, x, readout::pseudo(), {.options = {.metric = metric}}))
        sum = plus(sum, part.kernel);
      BOOST_TEST(kernel_difference(sum, whole) < 1e-12);
      const Array<double> u = random_array(random, {4, 2});
      const ntk::Operator<double> op(*row.net, params, x, readout::pseudo(), {.metric = metric, .shard = 3});
      BOOST_TEST(kernel_difference(op(u), product(whole, u)) < 1e-11);
    }
  }
}

BOOST_AUTO_TEST_CASE(metrics_that_cannot_be_and_stores_of_others) {
  const nn::Sequential net =
      nn::sequential(nn::Linear(5, 14), nn::Gelu(), nn::Linear(14, 9), nn::Gelu(), nn::Linear(9, 3));
  const auto params = net.init<double>(3);
  Random random("layers");
  const Array<double> x = random_array(random, {7, 5});
  const auto with = [&](const ntk::Metric& metric) {
    return ntk::entk(net, params, x, ntk::Options{.metric = metric});
  };
  // A number for each array leaves all rules as they are.
  const auto flop = [&](const ntk::Metric& metric) {
    return ntk::plan(net, params, x, readout::pseudo(), {.strategy = ntk::Strategy::structured, .metric = metric})
        .flop();
  };
  BOOST_TEST(flop({.arrays = Array<double>::full({6}, 2.5)}) == flop({}));

  BOOST_CHECK_THROW(with({.arrays = Array<double>::ones({5})}), shape_error);
  BOOST_CHECK_THROW(with({.elements = Array<double>::ones({5})}), shape_error);
  BOOST_CHECK_THROW(with({.elements = Array<double>::ones({params.size()}), .arrays = Array<double>::ones({6})}),
                    option_error);
  for (const double bad : {0.0, -1.0, std::nan(""), HUGE_VAL})
    BOOST_CHECK_THROW(with({.arrays = Array<double>::full({6}, bad)}), numerical_error);

  const TemporaryFolder folder;
  const auto begin = [&](double number) {
    ntk::stored_kernel(net, params, x, readout::pseudo(),
                       {.metric = {.arrays = Array<double>::full({6}, number)}, .store = folder / "s"});
  };
  begin(2);
  begin(2);
  BOOST_CHECK_THROW(begin(3), option_error);
}

BOOST_AUTO_TEST_CASE(numbers_are_of_elements_or_of_arrays) {
  const auto params = nn::sequential(nn::Linear(2, 3), nn::Tanh(), nn::Linear(3, 1)).init<double>(1);
  Random random("numbers");
  const Array<double> elements = random_array(random, {13}), arrays = random_array(random, {4});
  const ntk::Metric of_elements = ntk::metric_of(elements, params.layout());
  BOOST_TEST(difference(of_elements.elements, elements) == 0);
  BOOST_TEST(!of_elements.arrays.defined());
  const ntk::Metric of_arrays = ntk::metric_of(arrays, params.layout());
  BOOST_TEST(difference(of_arrays.arrays, arrays) == 0);
  BOOST_TEST(!of_arrays.elements.defined());
  const std::string message =
      message_of<shape_error>([&] { ntk::metric_of(random_array(random, {5}), params.layout()); });
  BOOST_TEST(has(message, "[metric] 5 numbers for a network of 13 trainable elements in 4 arrays."));
}

BOOST_AUTO_TEST_CASE(adam_steps_are_a_metric) {
  nn::OptimizerState<double> state{.steps = 3, .second = Array<double>::from({2}, std::vector<double>{0.04, 1.0})};
  const ntk::Metric metric = ntk::adam_metric(state, 0.9, 0.01);
  const double unbiased = 1 - 0.9 * 0.9 * 0.9;
  BOOST_TEST(std::abs(metric.elements[0] - 1 / (0.2 / std::sqrt(unbiased) + 0.01)) < 1e-13);
  BOOST_TEST(std::abs(metric.elements[1] - 1 / (1 / std::sqrt(unbiased) + 0.01)) < 1e-13);
  BOOST_CHECK_THROW(ntk::adam_metric(nn::OptimizerState<float>{}), option_error);
}

// The checkpoint's moments are those of the gradients that the training saw, and the kernel with them is J D J^T.
BOOST_AUTO_TEST_CASE(a_training_by_adam_gives_a_metric) {
  const Training t;
  const std::size_t steps = 3;
  const nn::Parameters<double> trained = t.fit(steps).params;
  const nn::OptimizerState<double> state = nn::load_optimizer_state(t.folder / "checkpoint", t.begin);
  BOOST_TEST(state.steps == steps);
  std::vector<double> second(trained.size(), 0.0);
  for (std::size_t k = 0; k < steps; ++k) {
    const nn::Parameters<double> before =
        k == 0 ? t.begin : t.fit(k, nn::adam({.rate = 0.05, .beta2 = 0.9}), "k").params;
    const Array<double> g = t.gradients(before, [&](const Var<double>& f) { return cross_entropy(f, t.y); });
    for (std::size_t p = 0; p < second.size(); ++p) second[p] = 0.9 * second[p] + 0.1 * g[p] * g[p];
  }
  BOOST_TEST(relative_error(state.second, Array<double>::from({second.size()}, second)) < 1e-12);

  const Array<double> j = t.gradients(trained, [](const Var<double>& f) { return f; });
  Array<double> weighed = j.clone();
  for (std::size_t i = 0; i < j.size(); ++i)
    weighed.mutable_data()[i] /= std::sqrt(second[i % second.size()] / (1 - std::pow(0.9, 3))) + 1e-8;
  const Array<double> expected = product(weighed, transposed(j));
  const ntk::Metric metric = ntk::adam_metric(state, 0.9);
  const auto narrow = ntk::adam_metric(nn::load_optimizer_state(t.folder / "checkpoint", t.begin.cast<float>()), 0.9);
  for (const ntk::Strategy strategy : all_strategies)
    for (const std::size_t tile : {0, 2}) {
      const ntk::Options options{.strategy = strategy, .metric = metric, .tile = tile};
      BOOST_TEST(kernel_difference(ntk::entk(t.net, trained, t.x, options), expected) < 1e-12);
      const ntk::Options in_float{.strategy = strategy, .metric = narrow, .tile = tile};
      BOOST_TEST(kernel_difference(ntk::entk(t.net, trained.cast<float>(), cast<float>(t.x), in_float), expected) <
                 1e-4);
    }
}

BOOST_AUTO_TEST_CASE(checkpoints_without_moments_or_of_other_networks) {
  const Training t;
  t.fit(1);
  t.fit(1, nn::sgd(), "sgd");
  const auto state_of_sgd = nn::load_optimizer_state(t.folder / "sgd", t.begin);
  BOOST_TEST(state_of_sgd.steps == 1u);
  BOOST_CHECK_THROW(ntk::adam_metric(state_of_sgd), option_error);
  const auto other = nn::sequential(nn::Linear(5, 7), nn::Gelu(), nn::Linear(7, 3)).init<double>(1);
  BOOST_TEST(has(message_of<parameter_error>([&] { nn::load_optimizer_state(t.folder / "checkpoint", other); }),
                 "moments of shape (75,) for a network of 66 trainable elements"));
  nn::save_parameters(t.begin, t.folder / "weights");
  BOOST_TEST(has(message_of<data_error>([&] { nn::load_optimizer_state(t.folder / "weights", t.begin); }),
                 "[load_optimizer_state]"));
}

BOOST_AUTO_TEST_SUITE_END()
