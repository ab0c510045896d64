#include "examples/common/fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <set>

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

std::pair<double, double> Quadratic::share(std::size_t i, double x) const {
  const double y = coefficients[0] + coefficients[1] * x + coefficients[2] * x * x;
  const double power = std::pow(x, static_cast<double>(i));
  return {coefficients[i] * power / y, errors[i] * power / y};
}

Quadratic fit_quadratic(const std::vector<std::pair<double, double>>& points) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Quadratic out{{nan, nan, nan}, {nan, nan, nan}, nan};
  std::set<double> different;
  for (const auto& [x, y] : points) {
    if (!(y > 0)) return out;
    different.insert(x);
  }
  if (points.size() < 4 || different.size() < 3) return out;
  // Rows are (1, x, x^2) / y, which shall sum to 1; columns have length 1, so that large x do no harm.
  const auto count = static_cast<Eigen::Index>(points.size());
  Eigen::MatrixX3d rows(count, 3);
  for (Eigen::Index i = 0; i < count; ++i) {
    const auto [x, y] = points[static_cast<std::size_t>(i)];
    rows.row(i) << 1 / y, x / y, x * x / y;
  }
  const Eigen::RowVector3d lengths = rows.colwise().norm();
  const Eigen::MatrixX3d scaled = rows.array().rowwise() / lengths.array();
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(count);
  const Eigen::Vector3d found = scaled.colPivHouseholderQr().solve(ones);
  const Eigen::VectorXd off = scaled * found - ones;
  const Eigen::Matrix3d inverse = (scaled.transpose() * scaled).inverse();
  for (Eigen::Index i = 0; i < 3; ++i) {
    const auto at = static_cast<std::size_t>(i);
    out.coefficients[at] = found(i) / lengths(i);
    out.errors[at] = std::sqrt(off.squaredNorm() / static_cast<double>(count - 3) * inverse(i, i)) / lengths(i);
  }
  out.miss = off.cwiseAbs().maxCoeff();
  return out;
}

}  // namespace xtangent::examples
