#pragma once

#include <cstddef>
#include <limits>

namespace xtangent::nn {

/// The results of one pass over the training data.
struct Epoch {
  std::size_t number = 0;  ///< counted from 1
  double loss = 0.0;       ///< mean over the examples, each with the parameters when it was seen
  /// The fraction of training examples whose largest output was at their label when they were seen, and test_accuracy
  /// the same fraction of the test data at the end of the epoch. NaN where there are no labels or no test data.
  double accuracy = std::numeric_limits<double>::quiet_NaN();
  double test_loss = std::numeric_limits<double>::quiet_NaN();
  double test_accuracy = std::numeric_limits<double>::quiet_NaN();
  double seconds = 0.0;  ///< time of the epoch, with the evaluation on test data
};

}  // namespace xtangent::nn
