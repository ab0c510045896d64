#pragma once

#include <limits>
#include <vector>

#include "examples/common/image_task.hpp"
#include "examples/common/networks.hpp"
#include "examples/common/statistics.hpp"
#include "examples/landscape/settings.hpp"

namespace xtangent::examples {

/// The images, and the network that is trained on them.
struct LandscapeTask : ImageTask {
  nn::AnyModule net;
};

/// A network at one time of its training. Accuracies are fractions of the test images, errors 1 - accuracy.
struct Checkpoint {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  std::size_t epoch = 0;
  double accuracy = 0;  ///< of the network itself
  /// Distance of the kernel to that of the next checkpoint, divided by the epochs between; the same of the kernel and
  /// the eNTK of few images. NaN at the end.
  double velocity = none, velocity_few = none, velocity_entk = none;
  double alignment = 0;           ///< centered, of the kernel with the Gram of the labels
  double effective_rank = 0;      ///< of the kernel
  double largest_eigenvalue = 0;  ///< of the kernel
  double kernel = 0;              ///< accuracy of regression with the kernel
  double linearized = 0;          ///< of the same with the network's outputs as offset: the linearized network
  double last_layer = 0;          ///< of regression with the kernel of the last layer alone
  /// Two networks are trained on from here with different orders of the images. The largest test error on the line
  /// between their parameters minus the mean of theirs, the same of the loss, and their mean accuracy. NaN at the end.
  double barrier = none, loss_barrier = none, children = none;
};

/// The name of the kernel for people, "pNTK".
std::string kernel_name(const LandscapeSettings& settings);

/// The training of one initial network.
struct LandscapeRun {
  std::vector<Checkpoint> checkpoints;
  /// Distances between the kernels of all checkpoints, (T, T): of the kernel, and on few images of it and of the eNTK.
  Array<double> distances = {}, distances_few = {}, distances_entk = {};
};

struct LandscapeStudy {
  LandscapeSettings settings;
  LandscapeTask task;
  std::vector<std::size_t> epochs = {};  ///< of the checkpoints, from 0 to the last
  std::vector<LandscapeRun> runs = {};   ///< of the seeds
  double seconds = 0;

  /// What was measured at checkpoint t, for each seed, and its mean.
  std::vector<double> values(double Checkpoint::*what, std::size_t t) const;
  Mean at(double Checkpoint::*what, std::size_t t) const { return mean_of(values(what, t)); }
};

/// Throws option_error for a loss, readout or network that there is not, a readout that has not one number for each
/// pair of images, or a network with statistics of batches; what reading throws.
LandscapeTask make_landscape_task(const LandscapeSettings& settings, const ImageSet& set,
                                  const nn::TrainAndTest& images);

/// Trains networks, looks at their kernels along the way, and trains two networks on from each checkpoint. Shows a bar.
/// Throws what training and kernels throw.
LandscapeStudy landscape_study(const LandscapeSettings& settings, LandscapeTask task);

}  // namespace xtangent::examples
