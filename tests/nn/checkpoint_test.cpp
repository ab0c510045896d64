// Trainings that are interrupted and resumed give the same bits, and other settings are refused.
#include "nn/training/checkpoint.hpp"

#include <oneapi/tbb/global_control.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "nn/data/file.hpp"
#include "nn/models/mlp.hpp"
#include "nn/safetensors.hpp"
#include "nn/training/fit.hpp"
#include "tests/nn/checkpoints.hpp"
#include "tests/nn/files.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// `options` with an end at update `step` (counted from 0), as if the program were killed there.
template <class T>
nn::FitOptions<T> cut(nn::FitOptions<T> options, std::size_t step) {
  options.schedule = [inner = options.schedule, step, epochs = options.epochs](double done) {
    // 7 updates of 8, 8, 8, 8, 8, 8 and 2 examples of 50
    const double at = done * 50.0 * static_cast<double>(epochs);
    const auto now =
        static_cast<std::size_t>(std::lround(at)) / 50 * 7 + static_cast<std::size_t>(std::lround(at)) % 50 / 8;
    // When schedules are only compared, they are evaluated at fractions that no update has.
    if (now == step && std::abs(at - std::round(at)) < 1e-9 && std::lround(at) % 50 % 8 == 0) throw Interruption();
    return inner(done);
  };
  return options;
}

template <class T>
void expect_same(const nn::Fit<T>& a, const nn::Fit<T>& b) {
  BOOST_TEST(testing::same_bits(a.params.flat(), b.params.flat()));
  BOOST_TEST(testing::same_bits(a.params.buffers(), b.params.buffers()));
  BOOST_REQUIRE_EQUAL(a.history.size(), b.history.size());
  for (std::size_t e = 0; e < a.history.size(); ++e) {
    BOOST_TEST(a.history[e].number == b.history[e].number);
    BOOST_TEST(a.history[e].loss == b.history[e].loss);
    BOOST_TEST(a.history[e].accuracy == b.history[e].accuracy);
    BOOST_TEST(a.history[e].test_loss == b.history[e].test_loss);
    BOOST_TEST(a.history[e].test_accuracy == b.history[e].test_accuracy);
  }
}

template <class T>
void resumes_to_the_same_bits(const nn::OptimizerSettings& optimizer) {
  const TemporaryFolder folder;
  nn::FitOptions<T> options = usual<T>(optimizer);
  const nn::Fit<T> whole = train(options);
  options.checkpoint.file = folder / "checkpoint.safetensors";
  for (const std::size_t every : {0, 1, 3})  // updates between checkpoints, in addition to those at the ends of epochs
    for (const std::size_t step : {1, 4, 7, 9, 13, 14, 20}) {
      std::filesystem::remove(options.checkpoint.file);
      options.checkpoint.steps = every;
      options.checkpoint.resume = false;
      BOOST_CHECK_THROW(train(cut(options, step)), Interruption);
      BOOST_TEST(std::filesystem::exists(options.checkpoint.file) == (every ? step >= every : step >= 7));
      options.checkpoint.resume = true;
      const oneapi::tbb::global_control one(oneapi::tbb::global_control::max_allowed_parallelism, 1);
      BOOST_TEST_CONTEXT("checkpoints every " << every << ", cut at " << step) expect_same(train(options), whole);
    }
  // At the end there is nothing left to do.
  expect_same(train(options), whole);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoint)

BOOST_AUTO_TEST_CASE(sgd_resumes_to_the_same_bits) {
  resumes_to_the_same_bits<float>(nn::sgd({.rate = 0.1, .momentum = 0.9, .weight_decay = 1e-3, .nesterov = true}));
}

BOOST_AUTO_TEST_CASE(adam_resumes_to_the_same_bits) { resumes_to_the_same_bits<double>(nn::adamw({.rate = 0.01})); }

BOOST_AUTO_TEST_CASE(interrupted_again_and_again) {
  const TemporaryFolder folder;
  // The optimizer has no state except its number of steps.
  nn::FitOptions<float> options = usual<float>(nn::sgd({.rate = 0.1}));
  const nn::Fit<float> whole = train(options);
  options.checkpoint = {.file = folder / "c", .resume = true, .steps = 1};
  for (const std::size_t step : {1, 2, 3, 8, 15, 15, 19}) BOOST_CHECK_THROW(train(cut(options, step)), Interruption);
  expect_same(train(options), whole);
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(seconds_between_checkpoints) {
  const TemporaryFolder folder;
  nn::FitOptions<float> options = usual<float>(nn::adam());
  options.checkpoint = {.file = folder / "c", .seconds = 0.0};
  BOOST_CHECK_THROW(train(cut(options, 2)), Interruption);
  BOOST_TEST(std::filesystem::exists(folder / "c"));
}

BOOST_AUTO_TEST_CASE(weights_of_a_checkpoint) {
  const TemporaryFolder folder;
  nn::FitOptions<float> options = usual<float>(nn::adam());
  options.checkpoint.file = folder / "c";
  const auto params = train(options).params;
  const auto loaded = nn::load_parameters(network().init<float>(), folder / "c", {.ignore_extra = true});
  BOOST_TEST(testing::same_bits(loaded.flat(), params.flat()));
  BOOST_TEST(testing::same_bits(loaded.buffers(), params.buffers()));
}

BOOST_AUTO_TEST_CASE(longer_with_a_constant_rate) {
  const TemporaryFolder folder;
  nn::FitOptions<float> options = usual<float>(nn::adam());
  options.schedule = {};
  const nn::Fit<float> whole = train(options);
  options.checkpoint = {.file = folder / "c", .resume = true};
  options.epochs = 1;
  train(options);
  options.epochs = 3;
  expect_same(train(options), whole);
}

BOOST_AUTO_TEST_CASE(other_settings_are_refused) {
  const TemporaryFolder folder;
  const nn::FitOptions<float> good = with_checkpoint(folder / "c");
  const auto differs = [&](auto change, std::initializer_list<std::string_view> parts) {
    nn::FitOptions<float> options = good;
    change(options);
    refused<option_error>(options, parts);
  };
  differs([](auto& o) { o.batch = 16; }, {"[resume]", "batch is 8 there and 16 here", "start from the beginning"});
  differs([](auto& o) { o.seed = 4; }, {"seed is 3 there and 4 here"});
  differs([](auto& o) { o.shard = 4; }, {"shard is"});
  differs([](auto& o) { o.epochs = 4; }, {"epochs is 3 there and 4 here"});
  differs([](auto& o) { o.clip_norm = 0; }, {"clip_norm is 1.5 there and 0 here"});
  differs([](auto& o) { o.schedule = nn::schedule::cosine(); }, {"schedule is"});
  differs([](auto& o) { o.schedule = {}; }, {"schedule is", "epochs is 3 there and not given here"});
  differs([](auto& o) { o.frozen = {"0"}; }, {"frozen is nothing there and 0.weight 0.bias here"});
  differs([](auto& o) { o.optimizer = nn::adam({.rate = 2e-3}); }, {"adam(rate 0.001", "adam(rate 0.002"});
  differs(
      [](auto& o) {
        o.optimizer = nn::sgd();
        o.seed = 5;
      },
      {"seed is 3", "here; optimizer is adam", "sgd(rate"});
  nn::FitOptions<double> twice = usual<double>(nn::adam());
  twice.checkpoint = {.file = folder / "c", .resume = true};
  testing::expect_error<option_error>([&] { train(twice); }, {"precision is float there and double here"});
  nn::FitOptions<float> nameless = good;
  nameless.checkpoint.file.clear();
  refused<option_error>(nameless, {"resume without a file"});
  // Parameters to begin with are part of a training, and so are random changes of images.
  nn::FitOptions<float> again = good;
  again.checkpoint.resume = true;
  const auto begin = [&](std::uint64_t seed, const nn::Augmentation& changes) {
    nn::fit(network(), network().init<float>(seed), images().with({.augmentation = changes}), again);
  };
  testing::expect_error<option_error>([&] { begin(2, {.padding = 1, .mirror = true}); },
                                      {"other settings: checksum of the initial parameters is"});
  testing::expect_error<option_error>([&] { begin(1, {}); },
                                      {"augmentation is windows with a frame of 1, mirrored there and none here"});
  testing::expect_error<option_error>([&] { begin(1, {.padding = 1}); }, {"and windows with a frame of 1 here"});
  // Other images are refused.
  nn::FitOptions<float> options = good;
  options.checkpoint.resume = true;
  const auto few = images().subset(std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  testing::expect_error<option_error>([&] { nn::fit(network(), network().init<float>(1), few, options); },
                                      {"examples is 50 there and 9 here", "first example is"});
  // Another network with the same number of updates is refused.
  const auto other = nn::sequential(nn::Flatten{}, nn::Linear{64, 10});
  options.shard = 50;
  testing::expect_error<parameter_error>([&] { nn::fit(other, other.init<float>(1), images(), options); },
                                         {"1.weight"});
}

// A training that is asked to stop leaves a checkpoint of all that it has done. It is asked 8 times in an epoch: after
// each of 7 updates, and when it evaluates the test data, which is then still to be done.
BOOST_AUTO_TEST_CASE(stopped_at_any_time) {
  const TemporaryFolder folder;
  const nn::Fit<float> whole = train(usual<float>(nn::adam()));
  for (const std::size_t most : {1, 3, 6, 7, 8, 12}) {
    nn::FitOptions<float> options = usual<float>(nn::adam());
    options.checkpoint = {.file = folder / std::to_string(most), .resume = true, .seconds = 1e9};
    for (std::size_t done = 0; done < 24;) {
      std::atomic<std::size_t> asked = 0;
      options.stop = [&] { return ++asked > most; };
      const nn::Fit<float> part = train(options);
      if (done + most >= 24) {
        expect_same(part, whole);
        break;
      }
      done += most + 1;
      if (done % 8 == 0) --done;
      BOOST_TEST(part.history.size() == done / 8);
      BOOST_TEST(std::filesystem::exists(options.checkpoint.file));
    }
  }
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_written) {
  const TemporaryFolder folder;
  testing::put(folder / "file", "x");
  nn::FitOptions<float> options = usual<float>(nn::adam());
  options.on_epoch = [](const auto&, const auto&) -> bool { throw Interruption(); };  // refused before any epoch
  options.checkpoint.file = folder.path() / "file" / "c";
  testing::expect_error<data_error>([&] { train(options); }, {"file", "cannot be made a folder"});
  std::filesystem::create_directory(folder / "taken");
  options.checkpoint.file = folder / "taken";
  testing::expect_error<data_error>([&] { train(options); }, {"taken", "is a folder. Name a file"});
  options.checkpoint.file.clear();
  options.metrics.file = folder.path() / "file" / "m";
  testing::expect_error<data_error>([&] { train(options); }, {"file", "cannot be made a folder"});
}

BOOST_AUTO_TEST_CASE(room_for_checkpoints_is_found_before_the_first_epoch) {
  const TemporaryFolder folder;
  for (const auto& rule : {nn::sgd(), nn::sgd({.momentum = 0.9}), nn::adam()}) {
    nn::FitOptions<float> options = usual<float>(rule);
    options.checkpoint.file = folder / "c";
    const nn::Fit<float> fit = train(options);
    const double size = static_cast<double>(std::filesystem::file_size(options.checkpoint.file));
    const double said = nn::checkpoint_bytes(fit.params, nn::Optimizer<float>(rule), options.epochs);
    BOOST_TEST(said >= size);
    BOOST_TEST(said <= size + 16384);
    options.on_epoch = [](const auto&, const auto&) -> bool { throw Interruption(); };
    options.checkpoint.file = folder / "none";
    const testing::FileLimit full(static_cast<rlim_t>(size));
    testing::expect_error<data_error>([&] { train(options); }, {"none", "it needs", "ulimit -f"});
    BOOST_TEST(!std::filesystem::exists(folder / "none"));
  }
}

BOOST_AUTO_TEST_CASE(what_killed_processes_left_is_removed) {
  const TemporaryFolder folder;
  testing::put(folder / "c.part-abcdefgh2345", "x");
  testing::put(folder / "c2", "x");
  nn::FitOptions<float> options = usual<float>(nn::adam());
  options.epochs = 1;
  options.checkpoint.file = folder / "c";
  train(options);
  BOOST_TEST(folder.files() == 2u);
  BOOST_TEST((std::filesystem::exists(folder / "c") && std::filesystem::exists(folder / "c2")));
}

BOOST_AUTO_TEST_SUITE_END()
