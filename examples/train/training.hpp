#pragma once

#include <string>
#include <vector>

#include "examples/common/images.hpp"
#include "examples/common/networks.hpp"
#include "examples/train/recipe.hpp"
#include "examples/train/settings.hpp"
#include "nn/training/fit.hpp"

/// One training of one network on one data set, as the command line asks for it.
namespace xtangent::examples {

struct Training {
  std::string data_set, network;  ///< names to show
  std::size_t parameters = 0;
  Recipe recipe;
  nn::Fit<float> fit;
  double seconds = 0.0;  ///< time of this part of the training
};

/// Trains, with a bar on the terminal; leaves checkpoint.safetensors, metrics.jsonl and, at the end,
/// weights.safetensors in settings.out, which exists. Throws Interrupted, and what fit throws.
Training train(const Settings& settings, const ImageSet& set, const nn::TrainAndTest& images);

/// The last lines on the terminal.
std::string table(const Training& training);

}  // namespace xtangent::examples
