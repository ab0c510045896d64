#pragma once

#include <string>
#include <vector>

#include "examples/train/lesson.hpp"
#include "examples/train/recipe.hpp"
#include "examples/train/settings.hpp"
#include "nn/training/fit.hpp"

/// One training, as the command line asks for it.
namespace xtangent::examples {

struct Training {
  std::string data_set, network, noun;  ///< names to show; "images" or "examples"
  std::size_t classes = 0;
  bool tested = true;  ///< whether there are test examples
  std::size_t parameters = 0;
  Recipe recipe;
  nn::Fit<float> fit;
  double seconds = 0.0;  ///< time of this part of the training
};

/// Trains, with a bar on the terminal; leaves checkpoint.safetensors, metrics.jsonl and, at the end,
/// weights.safetensors in settings.out, which exists. Throws Interrupted, and what fit throws.
Training train(const Settings& settings, Lesson lesson);

/// The last lines on the terminal.
std::string table(const Training& training);

}  // namespace xtangent::examples
