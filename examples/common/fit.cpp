#include "examples/common/fit.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace xtangent::examples {
namespace {

// Student's t of 95 %, two-sided.
double student(double degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), 0.975);
}

}  // namespace

PowerLaw fit_power_law(const std::vector<std::vector<std::pair<double, double>>>& groups) {
  struct Group {
    std::vector<std::pair<double, double>> points;
    double x = 0, y = 0;  // means
  };
  std::vector<Group> logs;
  double xx = 0, xy = 0, spare = -1;
  for (const auto& points : groups) {
    Group group;
    for (const auto& [x, y] : points)
      if (x > 0 && y > 0) group.points.emplace_back(std::log(x), std::log(y));
    const double n = static_cast<double>(group.points.size());
    for (const auto& [x, y] : group.points) {
      group.x += x / n;
      group.y += y / n;
    }
    for (const auto& [x, y] : group.points) {
      xx += (x - group.x) * (x - group.x);
      xy += (x - group.x) * (y - group.y);
    }
    if (n > 0) spare += n - 1;
    logs.push_back(std::move(group));
  }
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  PowerLaw out;
  out.slope = xx > 0 ? xy / xx : nan;
  double residual = 0;
  for (const Group& group : logs) {
    const double intercept = group.y - out.slope * group.x;
    for (const auto& [x, y] : group.points) residual += std::pow(y - intercept - out.slope * x, 2);
    out.intercepts.push_back(intercept);
  }
  out.error = spare > 0 ? std::sqrt(residual / spare / xx) : nan;
  const double reach = spare > 0 ? out.error * student(spare) : nan;
  out.low = out.slope - reach;
  out.high = out.slope + reach;
  return out;
}

}  // namespace xtangent::examples
