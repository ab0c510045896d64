// Data sets of images that stay bytes until their batch: numbers, random changes, training.
#include "nn/data/dataset.hpp"

#include <oneapi/tbb/global_control.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

#include "nn/models/convnet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/training/fit.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

// `count` images of 2 x 3 x 4: image n has bytes 24 n, 24 n + 1, ...; label n % 3.
LabeledImages counted(std::size_t count) {
  LabeledImages out{std::vector<std::uint8_t>(24 * count), {}, 2, 3, 4, 3, 255, "", "", ""};
  std::iota(out.bytes.begin(), out.bytes.end(), std::uint8_t(0));
  for (std::size_t n = 0; n < count; ++n) out.labels.push_back(n % 3);
  return out;
}

// Images of 1 x 8 x 8 in which the class is the bright half: left, right, top or bottom.
LabeledImages halves(std::size_t count) {
  LabeledImages out{{}, {}, 1, 8, 8, 4, 255, "", "", ""};
  Random random("halves");
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t label = random.below(4);
    out.labels.push_back(label);
    for (std::size_t y = 0; y < 8; ++y)
      for (std::size_t x = 0; x < 8; ++x) {
        const bool bright = label == 0 ? x < 4 : label == 1 ? x >= 4 : label == 2 ? y < 4 : y >= 4;
        out.bytes.push_back(static_cast<std::uint8_t>(random.below(128) + (bright ? 128 : 0)));
      }
  }
  return out;
}

std::vector<std::size_t> range(std::size_t n) {
  std::vector<std::size_t> out(n);
  std::iota(out.begin(), out.end(), std::size_t(0));
  return out;
}

// Augmentation by hand: pixel (y, x) of the window of an image.
double seen(const LabeledImages& images, std::size_t image, std::size_t channel, std::ptrdiff_t y, std::ptrdiff_t x) {
  if (y < 0 || y >= 3 || x < 0 || x >= 4) return 0;
  const auto at = static_cast<std::size_t>(y * 4 + x);
  return images.bytes[image * 24 + channel * 12 + at] / 255.0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dataset)

BOOST_AUTO_TEST_CASE(batches_are_the_chosen_examples_as_numbers) {
  const LabeledImages images = counted(5);
  const Dataset planes(images), flat(images, {.layout = ImageLayout::flat, .scaling = {{0.5, 0.25}}});
  BOOST_TEST((planes.batch<double>({4, 0, 4}).shape() == Shape{3, 2, 3, 4}));
  BOOST_TEST(same_bits(planes.batch<float>({4, 0}),
                       pixels<float>(images, std::vector<std::size_t>{4, 0}, ImageLayout::planes)));
  BOOST_TEST(same_bits(flat.batch<double>({1, 2}),
                       pixels<double>(images, std::vector<std::size_t>{1, 2}, ImageLayout::flat, {0.5, 0.25})));
  BOOST_TEST((flat.batch<double>(std::span<const std::size_t>()).shape() == Shape{0, 24}));
  // One scaling for each channel.
  const Array<double> each = planes.with({.scaling = {{0.0, 1.0}, {1.0, 0.5}}}).batch<double>({1});
  BOOST_TEST(each[3] == 27 / 255.0);
  BOOST_TEST(each[12 + 3] == (39 / 255.0 - 1.0) / 0.5);
}

BOOST_AUTO_TEST_CASE(channel_statistics_standardize) {
  const LabeledImages images = counted(4);
  const Dataset data(images, {.scaling = channel_standardization(images)});
  const Array<double> x = data.batch<double>(range(4));
  for (std::size_t channel = 0; channel < 2; ++channel) {
    double sum = 0, squares = 0;
    for (std::size_t n = 0; n < 4; ++n)
      for (std::size_t p = 0; p < 12; ++p) {
        const double v = x[n * 24 + channel * 12 + p];
        sum += v;
        squares += v * v;
      }
    BOOST_TEST(std::abs(sum) < 1e-12);
    BOOST_TEST(std::abs(squares - 48) < 1e-11);
  }
}

BOOST_AUTO_TEST_CASE(subsets_share_the_bytes) {
  const Dataset data(counted(6));
  const Dataset part = data.subset(std::vector<std::size_t>{5, 1, 1}),
                deeper = part.subset(std::vector<std::size_t>{2, 0});
  BOOST_TEST(&part.images() == &data.images());
  BOOST_TEST(deeper.count() == 2u);
  BOOST_TEST(same_bits(deeper.batch<float>({0, 1}), data.batch<float>({1, 5})));
  BOOST_TEST((part.labels() == std::vector<std::size_t>{2, 1, 1}));
  BOOST_TEST((deeper.labels(std::vector<std::size_t>{1}) == std::vector<std::size_t>{2}));
  expect_error<data_error>([&] { part.batch<float>({3}); }, {"example 3 of 3"});
  expect_error<data_error>([&] { part.labels(std::vector<std::size_t>{3}); }, {"example 3 of 3"});
  expect_error<data_error>([&] { part.subset(std::vector<std::size_t>{0, 9}); }, {"example 9 of 3"});
}

BOOST_AUTO_TEST_CASE(wrong_options_and_images) {
  const LabeledImages images = counted(2);
  expect_error<shape_error>([&] { Dataset(images, {.scaling = {{}, {}, {}}}); }, {"3 scalings for 2 channels"});
  expect_error<option_error>([&] { Dataset(images, {.scaling = {{0.0, 0.0}}}); }, {"deviation 0"});
  LabeledImages broken = images;
  broken.labels[1] = 3;
  expect_error<data_error>([&] { Dataset data(broken); }, {"image 1 has label 3"});
}

BOOST_AUTO_TEST_CASE(random_changes_are_windows_and_mirror_images) {
  const LabeledImages images = counted(10);
  const Dataset data(images, {.augmentation = {.padding = 2, .mirror = true}});
  std::map<std::tuple<int, int, bool>, int> counts;
  constexpr int epochs = 500;
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const Array<double> x = data.augmented_batch<double>(range(10), {1, epoch});
    for (std::size_t n = 0; n < 10; ++n) {
      int found = 0;
      for (int down = -2; down <= 2; ++down)
        for (int right = -2; right <= 2; ++right)
          for (bool mirrored : {false, true}) {
            bool same = true;
            for (std::size_t i = 0; same && i < 24; ++i) {
              const auto y = static_cast<std::ptrdiff_t>(i % 12 / 4);
              const auto column = static_cast<std::ptrdiff_t>(i % 4);
              same = x[n * 24 + i] == seen(images, n, i / 12, y + down, (mirrored ? 3 - column : column) + right);
            }
            if (!same) continue;
            ++found;
            ++counts[{down, right, mirrored}];
          }
      BOOST_TEST(found == 1);
    }
  }
  // All 50 are equally likely, so 100 of each are expected, with a standard deviation of 10.
  BOOST_TEST(counts.size() == 50u);
  for (const auto& [window, count] : counts) BOOST_TEST(std::abs(count - 100) < 50);
}

BOOST_AUTO_TEST_CASE(random_changes_depend_on_stream_and_example_alone) {
  const Dataset data(counted(8), {.augmentation = {.padding = 4, .mirror = true}});
  const auto all = data.augmented_batch<float>(range(8), {3, 7});
  for (std::size_t n = 0; n < 8; ++n)
    BOOST_TEST(same_bits(data.augmented_batch<float>(std::vector{n}, {3, 7}), all.rows(n, n + 1)));
  BOOST_TEST(!same_bits(data.augmented_batch<float>(range(8), {3, 8}), all));
  BOOST_TEST(!same_bits(data.augmented_batch<float>(range(8), {4, 7}), all));
  const Dataset still = data.with({});
  BOOST_TEST(same_bits(still.augmented_batch<float>(range(8), {3, 7}), still.batch<float>(range(8))));
  // With a frame wider than the image, a window may show none of the image.
  const Array<float> far = data.with({.augmentation = {.padding = 100}}).augmented_batch<float>(range(8), {1, 1});
  BOOST_TEST(all_finite(far));
}

BOOST_AUTO_TEST_CASE(training_on_bytes_is_training_on_numbers) {
  const LabeledImages train = halves(150), test = halves(40);
  const DatasetOptions options{.scaling = {standardization(train)}};
  const Dataset data(train, options), tests(test, options);
  const auto net = convnet(8, 1, 4);
  const auto start = net.init<float>(1);
  const auto by_bytes = fit(net, start, data, {.epochs = 3, .batch = 32, .seed = 2, .test_data = tests});
  const auto by_numbers =
      fit(net, start, data.batch<float>(range(150)), train.labels,
          {.epochs = 3, .batch = 32, .seed = 2, .test_x = tests.batch<float>(range(40)), .test_labels = test.labels});
  BOOST_TEST(same_bits(by_bytes.params.flat(), by_numbers.params.flat()));
  BOOST_TEST(by_bytes.history.back().test_accuracy == by_numbers.history.back().test_accuracy);
  BOOST_TEST(by_bytes.history.back().test_loss == by_numbers.history.back().test_loss);
  BOOST_TEST(same_bits(predict(net, start, data, 7), predict(net, start, data.batch<float>(range(150)), 7)));
  BOOST_TEST(accuracy(net, start, tests) == accuracy(net, start, tests.batch<float>(range(40)), test.labels));
}

BOOST_AUTO_TEST_CASE(augmented_training_learns_and_repeats_itself_on_any_number_of_threads) {
  const LabeledImages train = halves(200);
  const Dataset data(train, {.scaling = {standardization(train)}, .augmentation = {.padding = 1}});
  const auto net = convnet(16, 1, 4);
  const auto start = net.init<float>(1);
  const auto run = [&](std::size_t threads) {
    tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
    return fit(net, start, data, {.epochs = 8, .batch = 16, .optimizer = adam({.rate = 3e-3}), .shard = 4});
  };
  const auto one = run(1), four = run(4);
  BOOST_TEST(same_bits(one.params.flat(), four.params.flat()));
  BOOST_TEST(accuracy(net, one.params, data) > 0.9);
  const auto without = fit(net, start, data.with({.scaling = data.options().scaling}),
                           {.epochs = 8, .batch = 16, .optimizer = adam({.rate = 3e-3}), .shard = 4});
  BOOST_TEST(!same_bits(one.params.flat(), without.params.flat()));
}

BOOST_AUTO_TEST_CASE(what_training_refuses) {
  const Dataset data(halves(10), {.layout = ImageLayout::flat});
  const auto net = mlp({64, 3});
  const auto params = net.init<float>(1);
  expect_error<data_error>([&] { fit(net, params, data); }, {"training label 3", "3 outputs"});
  expect_error<data_error>([&] { fit(net, params, data.subset({})); }, {"no examples"});
  expect_error<shape_error>([&] { fit(mlp({63, 4}), mlp({63, 4}).init<float>(1), data); }, {"63", "64"});
  const auto four = mlp({64, 4});
  const auto start = four.init<float>(1);
  const Array<float> x = Array<float>::zeros({2, 64});
  expect_error<option_error>(
      [&] {
        fit(four, start, data, {.test_x = x, .test_labels = {0, 1}, .test_data = data});
      },
      {"two forms"});
  expect_error<shape_error>([&] { fit(four, start, data, {.test_data = data.subset({})}); }, {"0 test examples"});
}

BOOST_AUTO_TEST_SUITE_END()
