#pragma once

#include "examples/features/settings.hpp"
#include "examples/kernel/work.hpp"
#include "ntk/features.hpp"

/// How far features are from the exact kernel.
namespace xtangent::examples {

/// The features of one setting beside the exact kernel.
struct Comparison {
  std::size_t k = 0, anchors = 0;
  std::string split;
  std::uint64_t seed = 0;
  double frobenius = 0;    ///< of the kernel of the training examples, relative
  double predictions = 0;  ///< of the regressions' outputs for the test examples, relative to the exact ones; or NaN
  double accuracy = 0;     ///< of the regression; or NaN
  double seconds = 0;      ///< to make both sets of features
};

struct FeatureStudy {
  std::string title;
  std::size_t train = 0, test = 0, parameters = 0;
  double accuracy = 0, seconds = 0;  ///< of the exact kernel
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
