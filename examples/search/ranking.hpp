#pragma once

#include <optional>
#include <string>
#include <vector>

#include "examples/common/statistics.hpp"
#include "examples/search/experiment.hpp"

namespace xtangent::examples {

/// Something known of a network before its training that may say how good it will be.
struct Score {
  std::string id;                                            ///< its column in the table of numbers
  std::string name;                                          ///< with its article
  double (*goodness)(const SearchStudy&, const SearchRun&);  ///< higher for networks that should be better
  double (*seconds)(const InitialScores::Seconds&);          ///< without the kernel; null: it needs no kernel
};
/// Those by the kernel, then the others.
const std::vector<Score>& scores();
/// The number of parameters, which all others are compared with.
const Score& parameter_count();

/// How well a score ranks networks by their accuracy after training.
struct Ranking {
  double tau = 0;          ///< Kendall's, between the score's ranks and the accuracies, each averaged over the seeds
  Interval interval = {};  ///< by other networks like these
  Mean seeds = {};         ///< of tau for each seed alone
};
/// Over all networks, or those of a family.
Ranking ranking(const SearchStudy& study, const Score& score, std::optional<Family> family = {});

/// How much larger the tau of a score is than that of the number of parameters.
struct Advantage {
  double difference = 0;
  Interval interval = {};
  bool better() const { return interval.low > 0; }
  bool worse() const { return interval.high < 0; }
};
Advantage advantage(const SearchStudy& study, const Score& score, std::optional<Family> family = {});

/// Kendall's tau between the accuracies with two seeds, the mean over all pairs of seeds: what is there to predict.
/// None for one seed.
std::optional<double> repeatability(const SearchStudy& study);

/// The accuracy, averaged over the seeds, of the network that a score of each seed chooses; that of several networks
/// where it cannot tell them apart.
Mean choice(const SearchStudy& study, const Score& score);
/// The accuracy of the network that is best, averaged over the seeds, and of all networks.
double best_accuracy(const SearchStudy& study);
double mean_accuracy(const SearchStudy& study);

/// Seconds for one network, on one thread: of a score with its kernel, and of the training.
double mean_seconds(const SearchStudy& study, const Score& score);
double training_seconds(const SearchStudy& study);

}  // namespace xtangent::examples
