#pragma once

#include <array>
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

/// y = c0 + c1 x + c2 x^2 by least squares on the relative errors.
struct Quadratic {
  std::array<double, 3> coefficients = {}, errors = {};  ///< with standard errors
  double miss = 0;                                       ///< the greatest relative error of a point

  /// What term i is of y at x, and the standard error of that.
  std::pair<double, double> share(std::size_t i, double x) const;
};

/// All is NaN unless there are four points at least, of positive y and of three different x at least.
Quadratic fit_quadratic(const std::vector<std::pair<double, double>>& points);

}  // namespace xtangent::examples
