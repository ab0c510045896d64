#pragma once

#include "examples/active/settings.hpp"
#include "examples/common/image_task.hpp"
#include "nn/module.hpp"

namespace xtangent::examples {

/// The images and the network of a run.
struct ActiveTask : ImageTask {
  std::string network = {};
  double width = 0;
  nn::AnyModule net;
};

/// Takes settings.pool training images, all classes equally often, and the first test images. Throws option_error (more
/// images are to get labels than there are) and what reading throws.
ActiveTask make_active_task(const ActiveSettings& settings, const ImageSet& set, const nn::TrainAndTest& images);

/// A network that is trained on the images `labelled` by Adam and squared error. With `from` it goes on from these
/// parameters at a tenth of the learning rate, else it begins with those that `seed` draws.
nn::Parameters<float> train_active(const ActiveTask& task, const ActiveSettings& settings, const Numbers& labelled,
                                   const Numbers& labels, std::uint64_t seed,
                                   const nn::Parameters<float>* from = nullptr);

}  // namespace xtangent::examples
