#pragma once

#include <string>
#include <vector>

#include "examples/common/image_task.hpp"
#include "examples/common/statistics.hpp"
#include "examples/trainability/settings.hpp"

namespace xtangent::examples {

/// The rates that are tried, in units of the largest one that the kernel allows.
inline constexpr double tried_rates[] = {0.5, 0.9, 1.1, 2.0};
inline constexpr std::size_t rates_tried = 4;

/// What is known of a network before training.
struct Foreknown {
  double condition = 0, condition_entk = 0;  ///< of the pNTK and of the eNTK
  /// The largest rate at which descent on the mean squared error of the linearized network does not diverge.
  double maximal_rate = 0, maximal_rate_entk = 0;
  double predicted_loss = 0;  ///< after all steps at half of that rate, by the pNTK
  double gradient = 0;        ///< norm of the gradient of the loss
};

/// A training at one of the tried rates.
struct TriedRate {
  std::vector<double> losses;  ///< before each step, until it was stopped; the first is that of the initial network
  double accuracy = 0;         ///< on the test images at the end
  bool rose =
      false;  ///< from one step to the next, which descent on the linearized network does above the largest rate
  bool above = false;        ///< the loss was above its first value at any time
  bool ended_above = false;  ///< or grew without bounds
};

/// One initial network.
struct TrainabilityRun {
  std::size_t depth = 0, seed = 0;
  double gain = 0;
  Foreknown known;
  std::vector<TriedRate> tried;  ///< in the order of tried_rates
  /// The smallest rate at which the loss rises from one step to the next, in units of the one that the pNTK predicts;
  /// NaN where it is not between 1/8 and 8.
  double measured_rate = 0;
};

struct TrainabilityStudy {
  TrainabilitySettings settings;
  ImageTask task;
  std::vector<TrainabilityRun> runs = {};
  double seconds = 0;

  /// The runs of a depth and gain, in the order of the seeds.
  std::vector<const TrainabilityRun*> runs_of(std::size_t depth, double gain) const;
  /// Rank correlation, over depths and gains, of something known before training with the loss after training at half
  /// the largest rate, over the seeds.
  Mean correlation(double (*known)(const TrainabilityRun&)) const;
};

/// Throws option_error for an activation that there is not.
void check_activation(const TrainabilitySettings& settings);

/// Computes kernels of networks of all depths and gains, and trains them. Shows a bar. Throws what
/// check_activation, training and kernels throw.
TrainabilityStudy trainability_study(const TrainabilitySettings& settings, ImageTask task);

}  // namespace xtangent::examples
