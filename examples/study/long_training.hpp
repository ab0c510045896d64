#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "examples/study/workplace.hpp"
#include "nn/training/optimizer.hpp"
#include "nn/training/schedule.hpp"

/// Trainings of the study's networks with stops on the way, at which their kernels are measured.
namespace xtangent::examples {

struct LongTraining {
  std::size_t images = 500, batch = 50;
  std::vector<std::size_t> epochs;  ///< after which something is measured, ascending; 0 is before the training
  nn::OptimizerSettings optimizer = nn::adam();
  nn::Schedule schedule = {};  ///< of the learning rate; none: constant
  bool squared_error = false;  ///< with one-hot targets; otherwise cross-entropy
};

/// A network on its way.
struct Stop {
  std::size_t epoch = 0;
  const nn::Parameters<float>& params;
  double loss = 0, accuracy = 0;  ///< mean cross-entropy, and the share of right classes, of the training images
};

/// Trains a network from its initialization, and calls `at` after each of the epochs that `how` names. Throws what
/// nn::fit and `at` throw.
void train(Workplace& place, const StudyCase& one, std::size_t width, std::uint64_t seed, const LongTraining& how,
           const std::function<void(const Stop&)>& at);

/// Estimated seconds of the training alone, by an epoch of few images that is timed once for each network.
double training_seconds(Workplace& place, const StudyCase& one, std::size_t width, const LongTraining& how);

}  // namespace xtangent::examples
