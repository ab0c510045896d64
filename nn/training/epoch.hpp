#pragma once

#include <cstddef>
#include <limits>

namespace xtangent::nn {

/// What one pass over the training data gave.
struct Epoch {
  std::size_t number = 0;  ///< from 1
  double loss = 0.0;       ///< mean over the epoch, of each example when it was seen
  /// Fractions of examples whose largest output was at their label, on the training data as they were seen, and on the
  /// test data at the epoch's end; NaN where there are no labels or no test data.
  double accuracy = std::numeric_limits<double>::quiet_NaN();
  double test_loss = std::numeric_limits<double>::quiet_NaN();
  double test_accuracy = std::numeric_limits<double>::quiet_NaN();
  double seconds = 0.0;  ///< with the evaluation on test data
};

}  // namespace xtangent::nn
