#pragma once

#include <algorithm>
#include <vector>

#include "examples/common/image_task.hpp"
#include "examples/search/settings.hpp"
#include "examples/search/space.hpp"

namespace xtangent::examples {

/// A network of the space, for the images of the study.
struct Candidate {
  Architecture architecture;
  nn::AnyModule net;
  std::size_t parameters = 0;
  double flop = 0;  ///< of a forward pass for one image
};

/// What the pNTK of one batch says of an initial network. The targets are 1 - 1/O at the label and -1/O elsewhere, less
/// the outputs of the initial network.
struct InitialScores {
  double condition = 0;       ///< largest over smallest eigenvalue
  double alignment = 0;       ///< centered, with the kernel that is 1 between images of one class
  double generalization = 0;  ///< generalized cross-validation, the least of all ridges
  double ridge = 0;           ///< with which it is least, in units of the mean of the kernel's diagonal
  double leave_one_out = 0;   ///< accuracy on each image of a regression on all others, with this ridge
  double evidence = 0;        ///< log density of the targets under the most likely Gaussian process

  /// What each took, on one thread, without the kernel.
  struct Seconds {
    double kernel = 0, condition = 0, alignment = 0, generalization = 0, leave_one_out = 0, evidence = 0;
  } seconds = {};
};

/// A network with initial values from one seed, scored and then trained.
struct SearchRun {
  std::size_t candidate = 0, seed = 0;
  InitialScores scores = {};
  /// Sums of the network's ranks among all networks of the seed, the best network having the highest rank: by condition
  /// number, alignment and generalized cross-validation; and by condition number, alignment and number of parameters.
  double rank_sum = 0, rank_sum_with_parameters = 0;
  double accuracy = 0;    ///< on the test images, after training
  bool diverged = false;  ///< in training: the accuracy is that of guessing
  double seconds = 0;     ///< of the training, on one thread
};

struct SearchStudy {
  SearchSettings settings;
  ImageTask task;
  std::vector<Candidate> candidates = {};
  std::vector<SearchRun> runs = {};  ///< seed by seed, in each the candidates in their order
  double seconds = 0;

  const SearchRun& run(std::size_t candidate, std::size_t seed) const {
    return runs.at(seed * candidates.size() + candidate);
  }
  /// The accuracy of a candidate, averaged over the seeds.
  double accuracy(std::size_t candidate) const;
  /// The images from which the scores are.
  std::size_t scored() const { return std::min(settings.scored, task.y.size()); }
};

/// Throws option_error for more networks than there are, and for one.
void check_networks(const SearchSettings& settings);

/// Scores all networks, trains them, and shows a bar. Throws what check_networks, kernels and training throw; a
/// training that diverges is noted instead.
SearchStudy search_study(const SearchSettings& settings, ImageTask task);

}  // namespace xtangent::examples
