#pragma once

#include "examples/features/settings.hpp"
#include "examples/kernel/work.hpp"
#include "ntk/features.hpp"

/// How far features are from the exact kernel.
namespace xtangent::examples {

/// The features of one setting beside the exact kernel.
struct Comparison {
  std::size_t k = 0, anchors = 0;
  ntk::FeatureSplit split = ntk::FeatureSplit::pooled;
  std::uint64_t seed = 0;
  double frobenius = 0;    ///< relative error of the kernel of the training examples
  double predictions = 0;  ///< relative error of the regression's outputs for the test examples, or NaN
  double accuracy = 0;     ///< the regression's, or NaN
  double seconds = 0;      ///< to make both sets of features
};

struct FeatureStudy {
  std::string title;
  std::size_t train = 0, test = 0, parameters = 0;
  double accuracy = 0, seconds = 0;  ///< the exact kernel's
  std::vector<Comparison> rows = {};
};

/// Compares each k of s.study: with s.repeats seeds of the signs, with anchors, and with each split. Throws
/// option_error (there are no labels or no test examples), and what kernels throw.
FeatureStudy study_features(const FeatureSettings& s, const Work<float>& work);

/// A row for each comparison.
std::string csv(const FeatureStudy& study);
/// What the program prints: errors by k, split and number of anchors.
std::string summary(const FeatureStudy& study);
/// Errors against k as SVG text.
std::string figure(const FeatureStudy& study);

}  // namespace xtangent::examples
