#pragma once

#include <functional>

#include "examples/attribute/task.hpp"

namespace xtangent::examples {

/// What to train a network on: some of the training images, with these labels for all of them.
struct Lesson {
  std::vector<std::size_t> images;
  ntk::Labels labels;  ///< for all N training images
  std::uint64_t seed;  ///< for the initial parameters and for the order of the images
};

/// All training images with these labels.
Lesson whole_lesson(const Task& task, ntk::Labels labels, std::uint64_t seed);

/// Trains a network for each lesson, several at a time, by Adam and cross-entropy, for `epochs` epochs. `done` is
/// called after each, one call at a time. The results do not depend on the number of threads. Throws what nn::fit
/// throws.
std::vector<nn::Parameters<float>> train_networks(const Task& task, const AttributeSettings& settings,
                                                  std::size_t epochs, const std::vector<Lesson>& lessons,
                                                  const std::function<void()>& done);

/// Margins of the test images, (M,).
std::vector<double> test_margins(const Task& task, const nn::Parameters<float>& params);

}  // namespace xtangent::examples
