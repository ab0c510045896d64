#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "autodiff/array.hpp"

/// What a method says of images, and how right it is to be as certain as it is.
namespace xtangent::examples {

/// What a method says of M images.
struct Verdicts {
  Array<double> probabilities;  ///< of the classes, (M, O)
  /// (M,): how little the method knows of its outputs, in a unit of its own; empty where it does not say.
  std::vector<double> uncertainty;

  /// (M,): the largest probability of each image.
  std::vector<double> confidences() const;
  /// (M,): the confidences with a minus sign, to rank images by how uncertain they are.
  std::vector<double> by_confidence() const;
};

struct Bin {
  double confidence = 0, accuracy = 0;  ///< means over its images
  std::size_t count = 0;
};

/// Images by their confidence, in 15 bins of equal width. Naeini, Cooper, Hauskrecht: Obtaining Well Calibrated
/// Probabilities Using Bayesian Binning, AAAI 2015.
std::vector<Bin> reliability(const Verdicts& verdicts, const std::vector<std::size_t>& labels);

/// How well verdicts fit the labels (M,).
struct Fitness {
  double accuracy = 0;
  double nll = 0;          ///< mean negative log-likelihood; probabilities below 1e-12 count as that
  double brier = 0;        ///< mean squared distance from the one-hot labels
  double calibration = 0;  ///< expected calibration error: the mean over images of |confidence - accuracy| of their bin
};
Fitness fitness(const Verdicts& verdicts, const std::vector<std::size_t>& labels);

/// The area under the curve of true against false positives: how probable it is that one of `positive` is larger than
/// one of `negative`, where ties count a half.
double area_under_curve(const std::vector<double>& negative, const std::vector<double>& positive);
/// The curve itself, as pairs (false positives, true positives) from (0, 0) to (1, 1).
std::vector<std::pair<double, double>> operating_curve(const std::vector<double>& negative,
                                                       const std::vector<double>& positive);

}  // namespace xtangent::examples
