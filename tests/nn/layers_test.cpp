// Compares layers with plain loops and known facts.
#include <oneapi/tbb/global_control.h>

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/factor.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/sequential.hpp"
#include "nn/training/fit.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
namespace tt = boost::test_tools;

namespace {

std::string names(const std::vector<nn::ParameterInfo>& infos) {
  std::string out;
  for (const auto& info : infos) out += info.name + " ";
  return out;
}
std::string parameter_names(const nn::ModuleBase& net) { return names(net.layout()->parameters); }
std::string buffer_names(const nn::ModuleBase& net) { return names(net.layout()->buffers); }

Array<double> random(const Shape& shape, double low = -1, double high = 1) {
  testing::Random r(to_string(shape));
  return testing::random_array(r, shape, low, high);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(layers)

// Two batches, taken through torch.nn.BatchNorm1d(2), too: x1 = [[1, 2], [3, 6]], x2 = [[0, 0], [4, 2]].
BOOST_AUTO_TEST_CASE(running_statistics_move_as_in_pytorch) {
  const nn::BatchNorm1d layer(2);
  BOOST_TEST(buffer_names(layer) == "running_mean running_var num_batches_tracked ");
  auto params = layer.init<double>(0);
  const Array<double> x1 = Array<double>::from({2, 2}, {1, 2, 3, 6}), x2 = Array<double>::from({2, 2}, {0, 0, 4, 2});
  for (const auto& x : {x1, x2}) {
    Tape<double> tape;
    const auto recording = layer.record(tape, params, x, nn::Mode::training);
    params.set_buffers(recording.buffers);
  }
  // 0.9 (0.1 [2, 4]) + 0.1 [2, 1]; unbiased variances [2, 8] and [8, 2].
  BOOST_TEST(testing::difference(params["running_mean"], Array<double>::from({2}, {0.38, 0.46})) < 1e-14);
  BOOST_TEST(testing::difference(params["running_var"], Array<double>::from({2}, {0.9 * 1.1 + 0.8, 0.9 * 1.7 + 0.2})) <
             1e-14);
  BOOST_TEST(params["num_batches_tracked"].item() == 2.0);

  const Array<double> y = layer(params, x1);
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = (x1[i] - params["running_mean"][i % 2]) / std::sqrt(params["running_var"][i % 2] + 1e-5);
    BOOST_TEST(y[i] == expected, tt::tolerance(1e-14));
  }
}

BOOST_AUTO_TEST_CASE(without_momentum_running_statistics_are_means_over_batches) {
  const nn::BatchNorm2d layer(3, {.momentum = std::nullopt});
  auto params = layer.init<double>(0);
  std::vector<Array<double>> means;
  for (const std::size_t n : {2, 3, 4}) {
    const Array<double> x = random({n, 3, 2, 2});
    Tape<double> tape;
    params.set_buffers(layer.record(tape, params, x, nn::Mode::training).buffers);
    std::vector<double> mean(3);
    for (std::size_t i = 0; i < x.size(); ++i) mean[i / 4 % 3] += x[i] / static_cast<double>(4 * n);
    means.push_back(Array<double>::from({3}, mean));
  }
  for (std::size_t c = 0; c < 3; ++c)
    BOOST_TEST(params["running_mean"][c] == (means[0][c] + means[1][c] + means[2][c]) / 3, tt::tolerance(1e-13));
}

BOOST_AUTO_TEST_CASE(modes_of_batch_norm) {
  const nn::BatchNorm2d layer(3);
  const auto params = layer.init<double>(0);
  const Array<double> x = random({4, 3, 2, 5}, 2, 3);
  Tape<double> tape;
  const auto evaluated = layer.record(tape, params, x);
  BOOST_TEST((evaluated.output.examples() == Examples::axis0));
  BOOST_TEST(testing::same_bits(evaluated.buffers, params.buffers()));
  BOOST_TEST(testing::difference(evaluated.output.value(), x) < 1e-4);  // running mean 0, variance 1
  const auto trained = layer.record(tape, params, x, nn::Mode::training);
  BOOST_TEST((trained.output.examples() == Examples::mixed));
  BOOST_TEST(params["num_batches_tracked"].item() == 0.0);  // parameters are values, and the run changed its own copy
  BOOST_TEST(trained.buffers[6] == 1.0);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += trained.output.value()[i];
    squares += trained.output.value()[i] * trained.output.value()[i];
  }
  BOOST_TEST(std::abs(sum) < 1e-12);
  BOOST_TEST(squares / static_cast<double>(x.size()) == 1.0, tt::tolerance(1e-3));

  const nn::BatchNorm2d untracked(3, {.affine = false, .track_running_stats = false});
  BOOST_TEST(untracked.layout()->buffers.empty());
  BOOST_TEST(untracked.layout()->parameters.empty());
}

BOOST_AUTO_TEST_CASE(batch_norm_in_training_is_refused_by_name) {
  const auto net = nn::sequential(nn::Linear(3, 4), nn::BatchNorm1d(4), nn::Linear(4, 2));
  const auto params = net.init<double>(1);
  Tape<double> tape;
  const auto recording = net.record(tape, params, random({5, 3}), nn::Mode::training);
  try {
    FactorSweep<double> sweep(recording.output, Array<double>::ones({5, 2}), recording.parameters);
    BOOST_ERROR("examples were mixed");
  } catch (const batch_error& e) {
    const std::string what = e.what();
    BOOST_TEST_CONTEXT(what) {
      BOOST_TEST(what.find("[batch_norm]") != std::string::npos);
      BOOST_TEST(what.find("evaluation mode") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_net_with_batch_norm_learns_and_moves_its_running_statistics) {
  const auto net = nn::sequential(nn::Conv2d(1, 4, 3, {}, {.bias = false}), nn::BatchNorm2d(4), nn::Relu{},
                                  nn::GlobalAvgPool2d{}, nn::Linear(4, 2));
  const Array<double> x = random({64, 1, 6, 6});
  std::vector<std::size_t> labels;
  for (std::size_t i = 0; i < 64; ++i) {
    double contrast = 0;  // contrast between rows, which a 3 x 3 kernel can see
    for (std::size_t p = 0; p < 30; ++p) contrast += x[i * 36 + p] * x[i * 36 + p + 6];
    labels.push_back(contrast > 0 ? 1 : 0);
  }
  const auto start = net.init<double>(1);
  BOOST_TEST(nn::automatic_shard(net, start, x) == 64u);  // the whole batch
  const auto fit = nn::fit(net, start, x, labels, {.epochs = 40, .batch = 16, .optimizer = nn::adam({.rate = 0.02})});
  BOOST_TEST(fit.history.back().loss < 0.5 * fit.history.front().loss);
  BOOST_TEST(fit.params["1.num_batches_tracked"].item() == 160.0);
  BOOST_TEST(!testing::same_bits(fit.params["1.running_mean"], start["1.running_mean"]));
  // Each shard uses its own statistics, and the running ones move by the mean of theirs.
  const auto sharded = nn::fit(net, start, x, labels, {.epochs = 2, .batch = 16, .shard = 8});
  BOOST_TEST(sharded.params["1.num_batches_tracked"].item() == 8.0);
}

// Also with shards of several sizes, and a last batch of another size, in float and in double.
BOOST_AUTO_TEST_CASE(counters_of_batches_stay_whole_numbers) {
  const auto net = nn::sequential(nn::Linear(3, 8), nn::BatchNorm1d(8), nn::Linear(8, 2));
  const Array<double> x = random({53, 3});
  std::vector<std::size_t> labels(53, 1);
  const auto count = [&](const auto& inputs, std::size_t batch, std::size_t shard) {
    using T = std::decay_t<decltype(inputs[0])>;
    const auto fitted = nn::fit(net, net.template init<T>(1), inputs, labels,
                                {.epochs = 3, .batch = batch, .optimizer = nn::sgd({.rate = 1e-3}), .shard = shard});
    return static_cast<double>(fitted.params["1.num_batches_tracked"].item());
  };
  for (const auto& [batch, shard] : {std::pair{48, 16}, {50, 16}, {53, 5}, {53, 3}, {24, 7}}) {
    const double steps = 3 * ((53 + batch - 1) / batch);
    BOOST_TEST(count(x, batch, shard) == steps);
    BOOST_TEST(count(testing::cast<float>(x), batch, shard) == steps);
  }
}

BOOST_AUTO_TEST_CASE(batch_norm_without_running_statistics_is_trained) {
  const auto net =
      nn::sequential(nn::Linear(3, 8), nn::BatchNorm1d(8, {.track_running_stats = false}), nn::Linear(8, 2));
  const Array<double> x = random({40, 3});
  std::vector<std::size_t> labels;
  for (std::size_t i = 0; i < 40; ++i) labels.push_back(x[3 * i] > 0);
  const auto fitted =
      nn::fit(net, net.init<double>(1), x, labels, {.epochs = 30, .batch = 20, .optimizer = nn::adam({.rate = 0.02})});
  BOOST_TEST(fitted.history.back().loss < 0.5 * fitted.history.front().loss);
  // Images come as a data set.
  nn::LabeledImages images;
  images.channels = 1, images.height = 1, images.width = 3, images.classes = 2;
  for (std::size_t i = 0; i < 40; ++i) {
    images.labels.push_back(static_cast<std::uint8_t>(labels[i]));
    for (std::size_t j = 0; j < 3; ++j) images.bytes.push_back(static_cast<std::uint8_t>(128 + 100 * x[3 * i + j]));
  }
  const nn::Dataset data(images, {.layout = nn::ImageLayout::flat});
  BOOST_TEST(nn::fit(net, net.init<float>(1), data, {.epochs = 2, .batch = 20}).history.size() == 2u);
}

BOOST_AUTO_TEST_CASE(group_and_layer_norm_have_the_names_of_pytorch) {
  const auto net = nn::sequential(nn::GroupNorm(2, 4), nn::LayerNorm({4, 5}), nn::LayerNorm(5, {.bias = false}),
                                  nn::GroupNorm(4, 4, {.affine = false}));
  BOOST_TEST(parameter_names(net) == "0.weight 0.bias 1.weight 1.bias 2.weight ");
  const auto params = net.init<double>(0);
  const Array<double> y = net(params, random({3, 4, 5}));
  for (std::size_t r = 0; r < 12; ++r) {  // a group norm with one channel in each group is instance norm
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i) sum += y[r * 5 + i];
    BOOST_TEST(std::abs(sum) < 1e-13);
  }
}

// The formula of nn.MultiheadAttention, token by token.
BOOST_AUTO_TEST_CASE(attention_is_that_of_its_formula) {
  const std::size_t tokens = 3, features = 4, heads = 2, each = 2;
  for (const bool causal : {false, true}) {
    const nn::MultiheadAttention layer(features, heads, {.causal = causal});
    BOOST_TEST(parameter_names(layer) == "in_proj_weight in_proj_bias out_proj.weight out_proj.bias ");
    auto params = layer.init<double>(3);
    for (const std::size_t i : {0, 1, 2, 3}) BOOST_TEST(params.slice(i).shape()[0] == (i < 2 ? 12u : 4u));
    BOOST_TEST(testing::difference(params["in_proj_bias"], Array<double>::zeros({12})) == 0.0);
    params.set("in_proj_bias", random({12}));
    params.set("out_proj.bias", random({4}));
    const Array<double> x = random({2, tokens, features}), y = layer(params, x);
    const Array<double> w = params["in_proj_weight"], b = params["in_proj_bias"], o = params["out_proj.weight"];
    for (std::size_t n = 0; n < 2; ++n) {
      const auto projected = [&](std::size_t t, std::size_t row) {
        double sum = b[row];
        for (std::size_t i = 0; i < features; ++i) sum += w[row * features + i] * x[(n * tokens + t) * features + i];
        return sum;
      };
      for (std::size_t t = 0; t < tokens; ++t) {
        std::vector<double> mixed(features);
        for (std::size_t h = 0; h < heads; ++h) {
          std::vector<double> weight(tokens);
          double total = 0;
          for (std::size_t k = 0; k < (causal ? t + 1 : tokens); ++k) {
            double score = 0;
            for (std::size_t i = h * each; i < (h + 1) * each; ++i)
              score += projected(t, i) * projected(k, features + i);
            total += weight[k] = std::exp(score / std::sqrt(static_cast<double>(each)));
          }
          for (std::size_t k = 0; k < tokens; ++k)
            for (std::size_t i = h * each; i < (h + 1) * each; ++i)
              mixed[i] += weight[k] / total * projected(k, 2 * features + i);
        }
        for (std::size_t i = 0; i < features; ++i) {
          double expected = params["out_proj.bias"][i];
          for (std::size_t j = 0; j < features; ++j) expected += o[i * features + j] * mixed[j];
          BOOST_TEST(std::abs(y[(n * tokens + t) * features + i] - expected) < 1e-13);
        }
      }
    }
  }
  BOOST_CHECK_THROW(nn::MultiheadAttention(5, 2), shape_error);
  BOOST_CHECK_THROW(nn::MultiheadAttention(4, 2, {.dropout = 2}), option_error);
}

BOOST_AUTO_TEST_CASE(dropout_scales_what_it_keeps) {
  const auto net = nn::sequential(nn::Linear(1, 2), nn::Dropout(0.3), nn::Dropout(0.3));
  const nn::Dropout layer(0.25);
  const auto params = net.init<double>(1);
  const Array<double> x = random({2000, 1}, 1, 2);
  BOOST_TEST(testing::same_bits(net(params, x, nn::Mode::evaluation), net(params, x)));
  const Array<double> y = net(params, x), dropped = net(params, x, {nn::Mode::training, 5});
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (dropped[i] == 0.0)
      ++zeros;
    else
      BOOST_TEST(std::abs(dropped[i] - y[i] / 0.49) < 1e-12);
  }
  // Two layers draw different numbers, so 51 % are dropped, with a standard deviation of 0.8 %.
  BOOST_TEST(std::abs(static_cast<double>(zeros) / 4000.0 - 0.51) < 0.04);
  BOOST_TEST(testing::same_bits(dropped, net(params, x, {nn::Mode::training, 5})));
  BOOST_TEST(!testing::same_bits(dropped, net(params, x, {nn::Mode::training, 6})));
  const Var<double> ones(Array<double>::ones({3}));
  BOOST_TEST(testing::same_bits(nn::dropout(ones, 0.0, {}).value(), ones.value()));
  BOOST_TEST(testing::same_bits(nn::dropout(ones, 1.0, {}).value(), Array<double>::zeros({3})));
  BOOST_CHECK_THROW(nn::Dropout(-0.1), option_error);
  BOOST_CHECK_THROW(nn::Dropout(1.1), option_error);
  Tape<double> tape;
  BOOST_TEST((net.record(tape, params, x, {nn::Mode::training, 5}).output.examples() == Examples::axis0));
}

// A network that uses the same dropout layer twice in one run.
struct TwiceDropped : nn::Module<TwiceDropped> {
  nn::Dropout drop{0.5};
  template <class Visit>
  void children(Visit&& visit) const {
    visit("drop", drop);
  }
  template <class Declare>
  void parameters(Declare&& declare) const {
    declare("weight", Shape{2}, nn::constant(1.0));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> first = drop(p["drop"], x * 0.0 + 1.0), second = drop(p["drop"], x * 0.0 + 1.0);
    return first + 4.0 * second;  // 0, 2, 8 or 10
  }
};

BOOST_AUTO_TEST_CASE(a_layer_that_runs_twice_draws_twice) {
  const TwiceDropped net;
  const auto params = net.init<double>();
  const Array<double> x = Array<double>::ones({1000, 2});
  const Array<double> y = net(params, x, {nn::Mode::training, 5});
  std::array<int, 11> counts{};
  for (std::size_t i = 0; i < y.size(); ++i) ++counts[static_cast<std::size_t>(y[i])];
  for (const std::size_t value : {0, 2, 8, 10})
    BOOST_TEST(std::abs(counts[value] - 500) < 90);  // four standard deviations
  BOOST_TEST(testing::same_bits(y, net(params, x, {nn::Mode::training, 5})));
  for (const std::size_t threads : {1, 4}) {
    const oneapi::tbb::global_control control(oneapi::tbb::global_control::max_allowed_parallelism, threads);
    BOOST_TEST(testing::same_bits(y, net(params, x, {nn::Mode::training, 5})));
  }
}

BOOST_AUTO_TEST_CASE(tokens_and_their_places) {
  const auto net = nn::sequential(nn::Embedding(5, 2), nn::PositionalEmbedding(4, 2));
  const auto params = net.init<double>(1);
  const Array<double> y = net(params, Array<double>::from({1, 3}, {4, 0, 4}));
  const Array<double> table = params["0.weight"], places = params["1.weight"];
  const std::size_t rows[] = {4, 0, 4};
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t e = 0; e < 2; ++e) BOOST_TEST(y[t * 2 + e] == table[rows[t] * 2 + e] + places[t * 2 + e]);
  BOOST_CHECK_THROW(net(params, Array<double>::from({1, 1}, {5})), data_error);
  BOOST_CHECK_THROW(net(params, Array<double>::zeros({1, 5})), shape_error);
  BOOST_CHECK_THROW(nn::Embedding(0, 2), shape_error);
  BOOST_CHECK_THROW(nn::PositionalEmbedding(2, 0), shape_error);
}

BOOST_AUTO_TEST_CASE(branches_side_by_side) {
  const auto net = nn::parallel(nn::Conv2d(2, 3, 1), nn::sequential(nn::Conv2d(2, 1, 3, {.padding = 1}), nn::Relu{}));
  BOOST_TEST(parameter_names(net) == "0.weight 0.bias 1.0.weight 1.0.bias ");
  const auto params = net.init<double>(1);
  const Array<double> x = random({2, 2, 4, 5}), y = net(params, x);
  BOOST_TEST(y.shape() == Shape({2, 4, 4, 5}));
  const nn::Conv2d first(2, 3, 1);
  auto own = first.init<double>(0);
  own.set("weight", params["0.weight"]);
  own.set("bias", params["0.bias"]);
  BOOST_TEST(testing::same_bits(y.rows(1, 2).flat_slice(0, {3, 4, 5}), first(own, x).rows(1, 2).reshaped({3, 4, 5})));
  BOOST_CHECK_THROW(nn::Parallel({}), parameter_error);
  BOOST_CHECK_THROW(nn::parallel(nn::Identity{}, nn::Flatten{})(
                        nn::Parameters<double>(nn::parallel(nn::Identity{}, nn::Flatten{}).layout(),
                                               Array<double>(Shape{0}), Array<double>(Shape{0})),
                        x),
                    shape_error);
}

BOOST_AUTO_TEST_CASE(pooling_of_signals) {
  const Array<double> x = Array<double>::from({1, 2, 5}, {1, 5, 2, 4, 3, -1, -5, -2, -4, -3});
  const auto run = [&](const nn::ModuleBase& layer) {
    return layer(nn::Parameters<double>(layer.layout(), Array<double>(Shape{0}), Array<double>(Shape{0})), x);
  };
  BOOST_TEST(testing::difference(run(nn::MaxPool1d(2)), Array<double>::from({1, 2, 2}, {5, 4, -1, -2})) == 0.0);
  BOOST_TEST(testing::difference(run(nn::MaxPool1d(3, {.stride = 1})),
                                 Array<double>::from({1, 2, 3}, {5, 5, 4, -1, -2, -2})) == 0.0);
  BOOST_TEST(testing::difference(run(nn::AvgPool1d(2, {.stride = 2, .padding = 1})),
                                 Array<double>::from({1, 2, 3}, {0.5, 3.5, 3.5, -0.5, -3.5, -3.5})) < 1e-15);
  BOOST_TEST(testing::difference(run(nn::GlobalAvgPool1d{}), Array<double>::from({1, 2}, {3, -3})) < 1e-15);
  BOOST_TEST(testing::difference(run(nn::GlobalMaxPool1d{}), Array<double>::from({1, 2}, {5, -1})) == 0.0);
}

BOOST_AUTO_TEST_CASE(prelu_has_one_slope_or_one_a_channel) {
  const nn::Prelu one, each(2, 0.5);
  auto params = each.init<double>(0);
  BOOST_TEST(testing::difference(params["weight"], Array<double>::from({2}, {0.5, 0.5})) == 0.0);
  params.set("weight", Array<double>::from({2}, {0.1, 2}));
  const Array<double> x = Array<double>::from({1, 2, 2}, {1, -1, 3, -3});
  BOOST_TEST(testing::difference(each(params, x), Array<double>::from({1, 2, 2}, {1, -0.1, 3, -6})) < 1e-15);
  BOOST_TEST(testing::difference(one(one.init<double>(0), x), Array<double>::from({1, 2, 2}, {1, -0.25, 3, -0.75})) <
             1e-15);
  BOOST_CHECK_THROW(each(params, random({1, 3})), shape_error);
}

BOOST_AUTO_TEST_CASE(wrong_settings_and_inputs) {
  BOOST_CHECK_THROW(nn::BatchNorm2d(0), shape_error);
  BOOST_CHECK_THROW(nn::BatchNorm2d(3, {.epsilon = -1}), option_error);
  BOOST_CHECK_THROW(nn::BatchNorm2d(3, {.momentum = 1.5}), option_error);
  BOOST_CHECK_THROW(nn::LayerNorm(Shape{}), shape_error);
  BOOST_CHECK_THROW(nn::LayerNorm({3, 0}), shape_error);
  BOOST_CHECK_THROW(nn::GroupNorm(3, 4), shape_error);
  BOOST_CHECK_THROW(nn::GroupNorm(0, 4), shape_error);
  const nn::BatchNorm2d layer(3);
  const auto params = layer.init<double>(0);
  BOOST_CHECK_THROW(layer(params, random({2, 3})), shape_error);
  BOOST_CHECK_THROW(layer(params, random({2, 4, 2, 2})), shape_error);
  Tape<double> tape;
  BOOST_CHECK_THROW(layer.record(tape, params, random({1, 3, 1, 1}), nn::Mode::training), shape_error);
  const nn::BatchNorm1d one(3);
  BOOST_CHECK_THROW(one(one.init<double>(0), random({2, 3, 2, 2})), shape_error);
  const nn::GroupNorm group(2, 4);
  BOOST_CHECK_THROW(group(group.init<double>(0), random({2, 6})), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
