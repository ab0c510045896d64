#pragma once

#include <string>
#include <utility>
#include <vector>

#include "examples/common/image_task.hpp"
#include "examples/common/statistics.hpp"
#include "examples/uncertainty/laplace.hpp"
#include "examples/uncertainty/methods.hpp"
#include "examples/uncertainty/settings.hpp"

namespace xtangent::examples {

/// The images that are judged, and the network.
struct UncertaintyTask {
  ImageTask images;  ///< with the training images of the first seed
  Array<float> x_other;
  std::string other_title;
  double width = 0;
  nn::AnyModule net;
};

/// Throws option_error (no such network or set, images of other sizes, too few members), what reading throws.
UncertaintyTask make_uncertainty_task(const UncertaintySettings& settings, const ImageSet& set,
                                      const nn::TrainAndTest& images);

/// What one method says after training on the images of one seed.
struct UncertaintyRun {
  std::size_t seed = 0;
  Method method;
  Judgement judgement;
  Fitness fitness = {};
  double auroc = 0;              ///< of the other images against the test images, by confidence
  double auroc_uncertainty = 0;  ///< by the method's own uncertainty; NaN where it has none
};

struct UncertaintyStudy {
  UncertaintySettings settings;
  UncertaintyTask task;
  std::vector<UncertaintyRun> runs = {};
  std::vector<TriedVariance> tried = {};  ///< for the first seed
  std::size_t judged_for_variances = 0;   ///< test images of TriedVariance::nll
  double training_seconds = 0;            ///< of one network
  double seconds = 0;

  /// The runs of a method, in the order of the seeds.
  std::vector<const UncertaintyRun*> runs_of(Method method) const;
  /// A value over the seeds.
  Mean mean(Method method, double (*value)(const UncertaintyRun&)) const;
  /// How much larger a value is for one method than for another, seed by seed.
  Mean difference(Method method, Method other, double (*value)(const UncertaintyRun&)) const;
};

/// Trains the networks and asks all methods. Shows a bar. Throws what training and kernels throw.
UncertaintyStudy uncertainty_study(const UncertaintySettings& settings, UncertaintyTask task,
                                   const nn::TrainAndTest& images, const ImageSet& set);

}  // namespace xtangent::examples
