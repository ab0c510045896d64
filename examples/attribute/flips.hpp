#pragma once

#include <functional>

#include "examples/attribute/task.hpp"
#include "examples/common/statistics.hpp"

/// Labels that are wrong on purpose, and how well rankings of the training images find them.
namespace xtangent::examples {

/// Some of the labels replaced by another class, drawn at random.
struct FlippedLabels {
  ntk::Labels given = {};          ///< (N,) labels to train with
  std::vector<bool> flipped = {};  ///< (N,)
};
/// Flips this share of the labels, rounded to whole ones and at least one. Both the images and the classes depend on
/// the seed alone.
FlippedLabels flip(const ntk::Labels& y, std::size_t classes, double share, std::uint64_t seed);

/// A way to rank training images, the most suspicious first.
struct Ranking {
  std::string name;
  std::vector<std::vector<double>> found =
      {};  ///< for each seed: the share of flipped labels in the first 1, 2, ..., N
  /// The share found in the first `part` of the images, for each seed.
  std::vector<double> found_in(double part) const;
};

/// One network that was trained on flipped labels, as numbers of each training image.
struct FlipRun {
  std::uint64_t seed = 0;
  FlippedLabels labels = {};
  std::vector<double> self_influence = {}, loss = {}, random = {};
  double fitted = 0;  ///< share of the flipped labels that the network predicts after training
};

struct FlipStudy {
  std::size_t epochs = 0;  ///< in each training
  std::vector<FlipRun> runs = {};
  std::vector<Ranking> rankings = {};  ///< by self-influence, by loss, at random
};

/// Trains settings.flip_seeds networks on flipped labels, for `epochs` epochs. `done` is called after each training and
/// after each ranking.
FlipStudy study_flips(const Task& task, const AttributeSettings& settings, std::size_t epochs,
                      const std::function<void()>& done);

}  // namespace xtangent::examples
