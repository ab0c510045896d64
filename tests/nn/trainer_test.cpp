// Training learns, gives the same bits on any number of threads, reports its progress, and stops where it must.
#include <oneapi/tbb/global_control.h>

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "nn/models/convnet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/training/fit.hpp"
#include "tests/nn/training.hpp"

using namespace xtangent;
using testing::has;
using testing::message_of;
using testing::parity;
using testing::Points;
namespace tt = boost::test_tools;

namespace {

Points images(std::size_t n) {
  testing::Random random("images");
  Points out{testing::random_array(random, {n, 1, 8, 8}), {}};
  for (std::size_t i = 0; i < n; ++i) out.labels.push_back(random.below(10));
  return out;
}

// A table of as many rows as the first batch has examples, whatever comes in.
struct Table : nn::Module<Table> {
  template <class Declare>
  void parameters(Declare&& declare) const {
    declare("rows", Shape{7, 2}, nn::normal(1.0));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>&) const {
    return p("rows") * 1.0;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(trainer)

BOOST_AUTO_TEST_CASE(a_small_net_learns_to_zero_loss) {
  const Points data = parity(64);
  const auto net = nn::mlp({2, 64, 2}, nn::Tanh{});
  const auto start = net.init<double>(1);
  const auto fit =
      nn::fit(net, start, data.x, data.labels, {.epochs = 600, .batch = 32, .optimizer = nn::adam({.rate = 0.02})});
  BOOST_TEST(fit.history.size() == 600u);
  BOOST_TEST(fit.history.back().loss < 1e-2);
  BOOST_TEST(fit.history.back().accuracy == 1.0);
  BOOST_TEST(nn::accuracy(net, fit.params, data.x, data.labels) == 1.0);
  BOOST_TEST(testing::same_bits(start.flat(), net.init<double>(1).flat()));  // the argument is not changed
}

BOOST_AUTO_TEST_CASE(float_learns_too_and_the_schedule_is_followed) {
  const Points data = parity(64);
  const auto net = nn::mlp({2, 64, 2});
  const auto x = testing::cast<float>(data.x);
  std::vector<double> fractions;
  const auto fit = nn::fit(
      net, net.init<float>(1), x, data.labels,
      {.epochs = 200, .batch = 16, .optimizer = nn::sgd({.rate = 0.5, .momentum = 0.9}), .schedule = [&](double done) {
         fractions.push_back(done);
         return 1.0 - done;
       }});
  BOOST_TEST(nn::accuracy(net, fit.params, x, data.labels) == 1.0);
  BOOST_TEST(fractions.size() == 800u);
  BOOST_TEST(fractions.front() == 0.0);
  BOOST_TEST(fractions.back() == 1.0 - 1.0 / 800, tt::tolerance(1e-12));
  const auto still =
      nn::fit(net, net.init<float>(1), x, data.labels, {.epochs = 2, .schedule = [](double) { return 0.0; }});
  BOOST_TEST(testing::same_bits(still.params.flat(), net.init<float>(1).flat()));
}

BOOST_AUTO_TEST_CASE(a_full_batch_step_is_gradient_descent) {
  const Points data = parity(10);
  const auto net = nn::mlp({2, 5, 2}, nn::Tanh{});
  const auto start = net.init<double>(1);
  const auto gradient_step = [&](std::size_t shard) {
    return nn::fit(net, start, data.x, data.labels,
                   {.epochs = 1, .batch = 10, .optimizer = nn::sgd({.rate = 0.1}), .shard = shard});
  };
  const auto loss = [&](const Array<double>& flat) {
    auto params = start;
    params.set_flat(flat);
    const Array<double> y = net(params, data.x);
    double total = 0.0;
    for (std::size_t n = 0; n < 10; ++n) {
      const double a = y[2 * n], b = y[2 * n + 1];
      total += std::log(std::exp(a) + std::exp(b)) - (data.labels[n] ? b : a);
    }
    return total / 10;
  };
  const auto whole = gradient_step(16);
  BOOST_TEST(whole.history[0].loss == loss(start.flat()), tt::tolerance(1e-12));
  for (std::size_t i = 0; i < start.size(); ++i) {
    double slope = 0.0;
    for (const double sign : {1.0, -1.0}) {
      Array<double> moved = start.flat();
      moved.mutable_data()[i] += sign * 1e-5;
      slope += sign * loss(moved) / 2e-5;
    }
    BOOST_TEST(std::abs(whole.params.flat()[i] - (start.flat()[i] - 0.1 * slope)) < 1e-10);
  }
  // Shards add up to the same gradient, also when they are uneven.
  for (const std::size_t shard : {1, 3, 5})
    BOOST_TEST(testing::difference(gradient_step(shard).params.flat(), whole.params.flat()) < 1e-14);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_number_of_threads) {
  const Points data = images(100);
  const auto net = nn::convnet(32);
  const auto wide = nn::mlp({64, 700, 10});
  const auto trained = [&](std::size_t threads) {
    tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
    const auto a = nn::fit(net, net.init<float>(1), testing::cast<float>(data.x), data.labels,
                           {.epochs = 3, .batch = 40, .seed = 5, .shard = 8});
    const auto flat = testing::cast<float>(data.x.reshaped({100, 64}));
    const auto b = nn::fit(wide, wide.init<float>(1), flat, data.labels, {.epochs = 2, .batch = 50});
    BOOST_TEST(b.history.back().loss > 0.0);
    return std::pair(a.params.flat(), b.params.flat());
  };
  const auto one = trained(1);
  for (const std::size_t threads : {2, 4}) {
    const auto more = trained(threads);
    BOOST_TEST(testing::same_bits(one.first, more.first));
    BOOST_TEST(testing::same_bits(one.second, more.second));
  }
}

BOOST_AUTO_TEST_CASE(the_seed_sets_the_order) {
  const Points data = parity(50);
  const auto net = nn::mlp({2, 8, 2});
  const auto trained = [&](std::uint64_t seed) {
    return nn::fit(net, net.init<double>(1), data.x, data.labels, {.epochs = 2, .batch = 8, .seed = seed})
        .params.flat();
  };
  BOOST_TEST(testing::same_bits(trained(1), trained(1)));
  BOOST_TEST(!testing::same_bits(trained(1), trained(2)));
}

BOOST_AUTO_TEST_CASE(steps_happen_in_place) {
  const Points data = images(64);
  const auto net = nn::mlp({64, 500, 10});
  const auto x = data.x.reshaped({64, 64});
  const auto params = net.init<double>(1);
  std::vector<const double*> places;
  nn::fit(net, params, x, data.labels, {.epochs = 4, .batch = 16, .on_epoch = [&](const auto&, const auto& now) {
                                          places.push_back(now.flat().data());
                                          return true;
                                        }});
  BOOST_TEST(places[0] != params.flat().data());
  for (const double* place : places) BOOST_TEST(place == places[0]);
}

BOOST_AUTO_TEST_CASE(metrics_progress_and_stopping) {
  const Points data = parity(60), test = parity(20);
  const auto net = nn::mlp({2, 16, 2});
  std::vector<nn::Progress> reports;
  std::size_t epochs = 0;
  const auto fit = nn::fit(net, net.init<double>(1), data.x, data.labels,
                           {.epochs = 10,
                            .batch = 16,
                            .test_x = test.x,
                            .test_labels = test.labels,
                            .progress = [&](const nn::Progress& p) { reports.push_back(p); },
                            .on_epoch = [&](const nn::Epoch& e, const auto&) { return ++epochs, e.number < 4; }});
  BOOST_TEST(epochs == 4u);
  BOOST_REQUIRE_EQUAL(fit.history.size(), 4u);
  BOOST_TEST(fit.history[3].number == 4u);
  BOOST_TEST(fit.history[3].test_accuracy == nn::accuracy(net, fit.params, test.x, test.labels));
  BOOST_TEST(fit.history[3].test_loss > 0.0);
  BOOST_REQUIRE(reports.size() >= 4u);
  BOOST_TEST(reports.back().epoch == 4u);
  BOOST_TEST(reports.back().epochs == 10u);
  BOOST_TEST(reports.back().fraction == 0.4, tt::tolerance(1e-12));
  BOOST_TEST(reports.back().loss == fit.history[3].loss, tt::tolerance(1e-12));
  BOOST_TEST(reports.back().accuracy == fit.history[3].accuracy);
  for (const nn::Progress& p : reports) {
    BOOST_TEST(p.seconds_left >= 0.0);
    BOOST_TEST(p.examples_per_second > 0.0);
  }
}

BOOST_AUTO_TEST_CASE(targets_and_losses_of_ones_own) {
  testing::Random random("targets");
  const Array<double> x = testing::random_array(random, {20, 3}), t = testing::random_array(random, {20, 2});
  const nn::Linear net{3, 2};
  const nn::FitOptions<double> options = {.epochs = 2, .batch = 20, .optimizer = nn::sgd({.rate = 0.1})};
  const auto squared = nn::fit(net, net.init<double>(1), x, t, options);
  BOOST_TEST(squared.history[1].loss < squared.history[0].loss);
  BOOST_TEST(std::isnan(squared.history[0].accuracy));
  const auto own = nn::fit(
      net, net.init<double>(1), x,
      [&](const Var<double>& y, const std::vector<std::size_t>& examples) {
        Array<double> part({examples.size(), 2});
        for (std::size_t i = 0; i < part.size(); ++i) part.mutable_data()[i] = t[2 * examples[i / 2] + i % 2];
        const Var<double> r = y - Var<double>(part);
        return sum_to(r * r, {}) * (1.0 / static_cast<double>(part.size()));
      },
      options);
  BOOST_TEST(testing::difference(own.params.flat(), squared.params.flat()) < 1e-14);
}

BOOST_AUTO_TEST_CASE(frozen_parameters_stay) {
  const Points data = parity(40);
  const auto net = nn::mlp({2, 8, 8, 2});
  const auto start = net.init<double>(1);
  const auto trained = [&](std::vector<std::string> frozen) {
    return nn::fit(net, start, data.x, data.labels,
                   {.epochs = 2, .optimizer = nn::adamw(), .frozen = std::move(frozen)})
        .params;
  };
  const auto params = trained({"0", "2.bias"});
  for (const char* name : {"0.weight", "0.bias", "2.bias"})
    BOOST_TEST(testing::same_bits(params[name], start[name]), name);
  for (const char* name : {"2.weight", "4.weight", "4.bias"})
    BOOST_TEST(!testing::same_bits(params[name], start[name]), name);
  BOOST_TEST(testing::same_bits(trained({}).flat(), trained({}).flat()));
  BOOST_TEST(has(message_of<parameter_error>([&] { trained({"2.wei"}); }), "2.weight"));
  BOOST_CHECK_THROW(trained({"9"}), parameter_error);
  BOOST_CHECK_THROW(trained({"0", "2", "4"}), option_error);
}

BOOST_AUTO_TEST_CASE(clipped_steps_are_short) {
  const Points data = parity(40);
  const auto net = nn::mlp({2, 8, 2});
  const auto start = net.init<double>(1);
  const auto moved = [&](double most) {
    const auto after = nn::fit(net, start, data.x, data.labels,
                               {.epochs = 1, .batch = 40, .optimizer = nn::sgd({.rate = 1.0}), .clip_norm = most})
                           .params;
    double sum = 0.0;
    for (std::size_t i = 0; i < after.size(); ++i) sum += std::pow(after.flat()[i] - start.flat()[i], 2);
    return std::sqrt(sum);
  };
  BOOST_TEST(moved(1e-3) == 1e-3, tt::tolerance(1e-4));  // PyTorch's 1e-6 in the denominator
  BOOST_TEST(moved(1e3) == moved(0.0), tt::tolerance(1e-14));
  BOOST_CHECK_THROW(moved(-1.0), option_error);

  auto large = start;
  large.set("2.weight", Array<double>::full({2, 8}, 1e200));
  const std::string gradient =
      message_of<numerical_error>([&] { nn::fit(net, large, data.x, data.labels, {.clip_norm = 1.0}); });
  BOOST_TEST(has(gradient, "norm of the gradients is not finite in epoch 1, batch 1"), gradient);
}

BOOST_AUTO_TEST_CASE(predictions_come_in_batches) {
  const Points data = images(70);
  const auto net = nn::convnet(16);
  const auto params = net.init<double>(1);
  const Array<double> whole = net(params, data.x);
  for (const std::size_t batch : {1, 7, 69, 70, 71})
    BOOST_TEST(testing::difference(nn::predict(net, params, data.x, batch), whole) < 1e-14);
  BOOST_TEST(nn::predict(net, params, data.x.rows(0, 0)).shape() == Shape({0, 10}));
  BOOST_CHECK_THROW(nn::predict(net, params, data.x, 0), option_error);
  const Table table;
  BOOST_TEST(has(message_of<shape_error>([&] { nn::predict(table, table.init<double>(1), data.x.rows(0, 10), 7); }),
                 "gives (7, 2) for 3 examples, expected (3, 2)"));
  const auto logits = Array<double>::from({4, 2}, {1, 2, 3, 1, 5, 5, 0, std::nan("")});
  BOOST_TEST(nn::accuracy(logits, {1, 0, 0, 1}) == 0.75);
  BOOST_CHECK_THROW(nn::accuracy(logits, {1, 0}), shape_error);
  BOOST_CHECK_THROW(nn::accuracy(Array<double>(Shape{0, 2}), {}), data_error);
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_stops_and_is_named) {
  const Points data = parity(40);
  const auto net = nn::mlp({2, 8, 2});
  auto params = net.init<double>(1);
  const std::string diverged = message_of<numerical_error>([&] {
    nn::fit(net, params, data.x, data.labels, {.epochs = 50, .batch = 10, .optimizer = nn::sgd({.rate = 1e200})});
  });
  BOOST_TEST(has(diverged, "in epoch 1, batch 2"), diverged);

  auto large = params;
  large.set("0.weight", Array<double>::full({8, 2}, 1e300));
  large.set("2.weight", Array<double>::full({2, 8}, 1e300));
  const std::string layer = message_of<numerical_error>([&] { nn::fit(net, large, data.x, data.labels); });
  BOOST_TEST(has(layer, "the output of layer '2' (Linear)"), layer);

  auto spoiled = params;
  spoiled.mutable_data()[spoiled.infos()[3].offset] = std::nan("");
  const std::string parameter = message_of<numerical_error>([&] { nn::fit(net, spoiled, data.x, data.labels); });
  BOOST_TEST(has(parameter, "parameter '2.bias'"), parameter);

  Array<double> x = data.x.clone();
  x.mutable_data()[2 * 17] = std::nan("");
  const std::string example = message_of<numerical_error>([&] { nn::fit(net, params, x, data.labels); });
  BOOST_TEST(has(example, "example 17 of the inputs"), example);
}

BOOST_AUTO_TEST_CASE(wrong_input_is_refused_before_training) {
  const Points data = parity(40);
  const auto net = nn::mlp({2, 8, 2});
  const auto params = net.init<double>(1);
  auto far = data.labels;
  far[7] = 2;
  const std::string label = message_of<data_error>([&] { nn::fit(net, params, data.x, far); });
  BOOST_TEST(has(label, "label 2 of example 7"), label);
  const auto few = std::vector<std::size_t>(39, 0);
  BOOST_CHECK_THROW(nn::fit(net, params, data.x, few), shape_error);
  BOOST_CHECK_THROW(nn::fit(net, params, data.x.rows(0, 0), std::vector<std::size_t>{}), data_error);
  BOOST_CHECK_THROW(nn::fit(net, params, data.x.reshaped({80}), data.labels), shape_error);
  BOOST_CHECK_THROW(nn::fit(net, params, data.x, data.labels, {.batch = 0}), option_error);
  BOOST_CHECK_THROW(nn::fit(net, params, data.x, data.labels, {.test_x = data.x, .test_labels = few}), shape_error);
  BOOST_CHECK_THROW(nn::fit(net, params, data.x, data.labels, {.test_x = data.x, .test_labels = far}), data_error);
  BOOST_CHECK_THROW(nn::fit(net, params, data.x, Array<double>::zeros({40, 3})), shape_error);
  BOOST_CHECK_THROW(nn::fit(nn::mlp({2, 8}), params, data.x, data.labels), parameter_error);
}

BOOST_AUTO_TEST_SUITE_END()
