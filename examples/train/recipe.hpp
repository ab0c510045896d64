#pragma once

#include <string>

#include "examples/train/settings.hpp"
#include "nn/training/optimizer.hpp"
#include "nn/training/schedule.hpp"

namespace xtangent::examples {

/// The settings with which a network learns well, used where the command line gives no others.
struct Recipe {
  std::size_t epochs = 5, batch_size = 64;
  std::string optimizer = "adam";
  double rate = 1e-3, momentum = 0.9, weight_decay = 0.0;
  std::string schedule = "warmup";
  double clip_norm = 0.0;
};

/// Kinds of images that recipes differ for: the few small digits, MNIST's kind, CIFAR's.
enum class Images { digits, gray, color };

/// The recipe for a network of networks.hpp.
Recipe usual_recipe(const std::string& network, Images images);

/// The recipe for examples from files, whatever the network.
Recipe recipe_for_files();

/// A table of all of them, for --help.
std::string usual_recipes();

/// The recipe with those entries replaced that the settings give. Throws option_error for names that do not exist and
/// numbers out of range.
Recipe changed(Recipe recipe, const Settings& settings);

/// The optimizer of a recipe. Throws option_error as above.
nn::OptimizerSettings optimizer_of(const Recipe& recipe);

}  // namespace xtangent::examples
