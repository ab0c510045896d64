#pragma once

#include <string>
#include <utility>
#include <vector>

#include "examples/active/task.hpp"

namespace xtangent::examples {

/// Accuracy on the test images after each round, one value for the first images and one for each round.
struct ActiveCurve {
  std::string selection;
  std::size_t seed = 0;
  std::vector<double> accuracy;
};

/// How well the look-ahead knows, before any training, what training with one more label does to the outputs.
struct ForesightTest {
  std::vector<double> correlations;                 ///< rank correlation of predicted and actual changes, each seed
  std::vector<std::pair<double, double>> examples;  ///< predicted and actual change, first seed
};

/// Seconds to choose the images of one round by looking ahead, half of the way.
struct ActiveCosts {
  std::size_t labelled = 0, candidates = 0;
  double kernels = 0;     ///< the kernels of labelled images and candidates, which come before all but training
  double bordered = 0;    ///< by one more row of the factor for each choice
  double one_by_one = 0;  ///< by a factorization for each candidate of each choice; from `refactorings` of them
  double retrained = 0;   ///< by a training for each candidate of each choice; from `trainings` of them
  std::size_t refactorings = 0, trainings = 0;
};

struct ActiveStudy {
  ActiveSettings settings;
  ActiveTask task;
  std::size_t parameters = 0;
  std::vector<ActiveCurve> curves = {};
  ForesightTest foresight = {};
  ActiveCosts costs = {};
  double seconds = 0;

  /// The number of labels after each round.
  std::vector<double> labels() const;
  /// Accuracies of all seeds after a round, in the order of the seeds.
  std::vector<double> accuracies(const std::string& selection, std::size_t round) const;
  /// For each seed the accuracy averaged over the rounds, without the first images, which all selections share.
  std::vector<double> mean_accuracies(const std::string& selection) const;
};

/// Trains networks round by round, with the labels that each selection asks for, and shows a bar. Throws what training
/// and kernels throw.
ActiveStudy active_study(const ActiveSettings& settings, ActiveTask task);

}  // namespace xtangent::examples
