#pragma once

#include <utility>
#include <vector>

namespace xtangent::examples {

/// y = exp(intercept) x^slope by least squares on the logarithms.
struct PowerLaw {
  double slope = 0;
  double error = 0;          ///< standard error of the slope; NaN without a spare point
  double low = 0, high = 0;  ///< 95 % confidence interval of the slope (Student's t); NaN without a spare point
  std::vector<double> intercepts;
};

/// One slope common to all groups of points (x, y), an intercept for each. The slope is NaN unless some group has two
/// different x; points that are not positive are left out.
PowerLaw fit_power_law(const std::vector<std::vector<std::pair<double, double>>>& groups);

}  // namespace xtangent::examples
