#pragma once

#include <functional>
#include <string>

#include "examples/common/images.hpp"
#include "examples/train/recipe.hpp"
#include "examples/train/settings.hpp"
#include "nn/training/fit.hpp"

/// What is trained on what, as the command line asks for it.
namespace xtangent::examples {

struct Lesson {
  nn::AnyModule net;
  nn::Parameters<float> params;
  std::string network;  ///< its name, or the file of the model
  std::string width;    ///< ", width 1", or empty for a model
  std::string data;     ///< the title of the images, or the names of the files
  std::string noun;     ///< "images" or "examples"
  std::size_t count = 0, classes = 0;
  bool tested = true;  ///< whether there are test examples
  Recipe recipe;
  /// Adds the test examples to the options, and trains.
  std::function<nn::Fit<float>(nn::Parameters<float>, nn::FitOptions<float>)> fit;
};

/// A network with a name, on images. Throws option_error for what the settings cannot mean.
Lesson lesson_on(const Settings& settings, const ImageSet& set, const nn::TrainAndTest& images);
/// A network with a name or a model of PyTorch, on settings.files. Throws what read_examples throws, and option_error
/// for test examples without labels.
Lesson lesson_on_files(const Settings& settings);

}  // namespace xtangent::examples
