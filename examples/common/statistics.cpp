#include "examples/common/statistics.hpp"

#include <algorithm>
#include <boost/math/statistics/bivariate_statistics.hpp>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>
#include <functional>
#include <numeric>

#include "autodiff/kernels/random.hpp"
#include "examples/common/format.hpp"

namespace xtangent::examples {

Mean mean_of(const std::vector<double>& values) {
  Mean out{.count = values.size()};
  if (values.empty()) return out;
  out.value = boost::math::statistics::mean(values);
  if (values.size() == 1) return out;
  out.deviation = std::sqrt(boost::math::statistics::sample_variance(values));
  out.error = out.deviation / std::sqrt(static_cast<double>(values.size()));
  return out;
}

Mean mean_difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> differences(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
  return mean_of(differences);
}

bool differs(const Mean& difference) {
  return difference.count > 1 && std::abs(difference.value) > 2 * difference.error;
}

std::string with_error(const Mean& mean, int decimals, double unit) {
  std::string out = fixed(unit * mean.value, decimals);
  if (mean.count > 1) out.append(" ± ").append(fixed(unit * mean.error, decimals));
  return out;
}

std::string signed_with_error(const Mean& mean, int decimals, double unit) {
  Mean size = mean;
  size.value = std::abs(mean.value);
  return (mean.value < 0 ? "−" : "+") + with_error(size, decimals, unit);
}

std::vector<std::size_t> descending(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return values[i] > values[j]; });
  return order;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order = descending(values);
  std::reverse(order.begin(), order.end());
  std::vector<double> out(values.size());
  for (std::size_t first = 0, last; first < order.size(); first = last) {
    for (last = first + 1; last < order.size() && values[order[last]] == values[order[first]];) ++last;
    for (std::size_t i = first; i < last; ++i) out[order[i]] = 0.5 * static_cast<double>(first + 1 + last);
  }
  return out;
}

double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto constant = [](const std::vector<double>& v) {
    return std::adjacent_find(v.begin(), v.end(), std::not_equal_to<>()) == v.end();
  };
  if (constant(a) || constant(b)) return 0;
  const std::vector<double> x = ranks(a), y = ranks(b);
  return boost::math::statistics::covariance(x, y) /
         std::sqrt(boost::math::statistics::variance(x) * boost::math::statistics::variance(y));
}

double kendall_tau(const std::vector<double>& a, const std::vector<double>& b) {
  const auto order = [](double x, double y) { return (x > y) - (x < y); };
  double sum = 0, pairs_a = 0, pairs_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const int of_a = order(a[i], a[j]), of_b = order(b[i], b[j]);
      sum += of_a * of_b;
      pairs_a += of_a != 0;
      pairs_b += of_b != 0;
    }
  return pairs_a == 0 || pairs_b == 0 ? 0 : sum / std::sqrt(pairs_a * pairs_b);
}

Interval bootstrap_interval(std::size_t count, std::uint64_t seed,
                            const std::function<double(const std::vector<std::size_t>&)>& statistic) {
  constexpr std::size_t samples = 1000, outside = 25;  // samples on each side
  std::vector<double> values, uniform(count);
  std::vector<std::size_t> sample(count);
  for (std::size_t draw = 0; draw < samples; ++draw) {
    kernels::fill_uniform(seed, draw, 0, static_cast<double>(count), count, uniform.data());
    for (std::size_t i = 0; i < count; ++i) sample[i] = std::min(count - 1, static_cast<std::size_t>(uniform[i]));
    values.push_back(statistic(sample));
  }
  std::sort(values.begin(), values.end());
  return {values[outside], values[samples - 1 - outside]};
}

std::vector<std::size_t> spread_out(std::size_t last, double factor) {
  std::vector<std::size_t> out = {0};
  for (double at = 1; at < static_cast<double>(last); at *= factor)
    if (const auto whole = static_cast<std::size_t>(std::lround(at)); whole > out.back() && whole < last)
      out.push_back(whole);
  out.push_back(last);
  return out;
}

}  // namespace xtangent::examples
