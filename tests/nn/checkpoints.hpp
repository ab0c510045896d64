#pragma once

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string_view>

#include "nn/layers/activation.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/linear.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/sequential.hpp"
#include "nn/training/fit.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/training.hpp"
#include "tests/testing.hpp"

/// A training for tests of checkpoints.
namespace xtangent::testing {

/// A training with everything that resuming could get wrong: buffers, dropout, changed images, momentum and a schedule.
inline const nn::Sequential& network() {
  static const nn::Sequential net =
      nn::sequential(nn::Conv2d{1, 4, 3}, nn::BatchNorm2d{4}, nn::Relu{}, nn::Dropout{0.3}, nn::Flatten{},
                     nn::Linear{4 * 6 * 6, 10}, nn::Dropout{0.1});
  return net;
}

inline const nn::Dataset& images() {
  static const nn::Dataset data = [] {
    Random random("checkpoint");
    nn::LabeledImages out;
    out.channels = 1, out.height = out.width = 8, out.classes = 10;
    for (std::size_t i = 0; i < 50 * 64; ++i) out.bytes.push_back(static_cast<std::uint8_t>(random.below(256)));
    for (std::size_t i = 0; i < 50; ++i) out.labels.push_back(random.below(10));
    return nn::Dataset(out, {.augmentation = {.padding = 1, .mirror = true}});
  }();
  return data;
}

template <class T>
nn::FitOptions<T> usual(const nn::OptimizerSettings& optimizer) {
  return {.epochs = 3,
          .batch = 8,  // 7 updates an epoch
          .optimizer = optimizer,
          .schedule = nn::schedule::warm_up(nn::schedule::cosine(), {.part = 0.3}),
          .clip_norm = 1.5,
          .seed = 3,
          .test_data = images()};
}

template <class T>
nn::Fit<T> train(const nn::FitOptions<T>& options) {
  return nn::fit(network(), network().template init<T>(1), images(), options);
}

template <class Error>
void refused(nn::FitOptions<float> options, std::initializer_list<std::string_view> parts) {
  options.checkpoint.resume = true;
  expect_error<Error>([&] { train(options); }, parts);
}

/// Writes a checkpoint after two of three epochs.
inline nn::FitOptions<float> with_checkpoint(const std::filesystem::path& file) {
  nn::FitOptions<float> options = usual<float>(nn::adam());
  options.checkpoint = {.file = file};
  options.on_epoch = [](const nn::Epoch& e, const auto&) { return e.number < 2; };
  train(options);
  options.on_epoch = {};
  return options;
}

}  // namespace xtangent::testing
