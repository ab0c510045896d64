#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
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

/// Whether the mean of several differences is above two of its standard errors.
bool differs(const Mean& difference);
/// "92.6 ± 0.4": the mean times `unit` and its standard error, if there are several values.
std::string with_error(const Mean& mean, int decimals = 1, double unit = 1);
/// The same with a sign, for differences: "−1.5 ± 0.7".
std::string signed_with_error(const Mean& mean, int decimals = 1, double unit = 1);

/// Ranks from 1 on; equal values share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& values);

/// Spearman's rank correlation. 0 where all values of a side are equal.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

/// Kendall's tau-b, from -1 to 1: the pairs that both sides order alike less those that they order differently, over
/// the root of the product of the pairs that are no tie on one side and on the other. 0 where all values of a side are
/// equal. Kendall: The Treatment of Ties in Ranking Problems, 1945.
double kendall_tau(const std::vector<double>& a, const std::vector<double>& b);

struct Interval {
  double low = 0, high = 0;
};
/// A 95 % interval of a statistic of `count` things: the quantiles of its values for 1,000 samples of these, drawn with
/// replacement (Efron's percentile bootstrap). The statistic gets the indices of a sample.
Interval bootstrap_interval(std::size_t count, std::uint64_t seed,
                            const std::function<double(const std::vector<std::size_t>&)>& statistic);

/// Whole numbers at which to look at something that goes on from 0 to `last`: 0, then the powers of `factor` below
/// `last`, rounded, each once, and `last`.
std::vector<std::size_t> spread_out(std::size_t last, double factor);

/// The numbers 0, 1, ... in the order of falling values, equal ones as they come.
std::vector<std::size_t> descending(const std::vector<double>& values);

}  // namespace xtangent::examples
