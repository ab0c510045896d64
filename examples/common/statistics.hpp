#pragma once

#include <cstddef>
#include <vector>

namespace xtangent::examples {

/// A mean over independent values and how far to trust it.
struct Mean {
  double value = 0;
  double deviation = 0;  ///< standard deviation of the values; 0 for one value
  double error = 0;      ///< standard error of the mean; 0 for one value
  std::size_t count = 0;
};
Mean mean_of(const std::vector<double>& values);
/// The mean of the differences a[i] - b[i].
Mean mean_difference(const std::vector<double>& a, const std::vector<double>& b);

/// Ranks from 1 on; equal values share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& values);

/// Spearman's rank correlation. 0 where all values of a side are equal.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

/// The numbers 0, 1, ... in the order of falling values, equal ones as they come.
std::vector<std::size_t> descending(const std::vector<double>& values);

}  // namespace xtangent::examples
