#include "examples/uncertainty/verdicts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "examples/common/statistics.hpp"
#include "nn/training/evaluate.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t bins = 15;

}  // namespace

std::vector<double> Verdicts::confidences() const {
  const std::size_t m = probabilities.shape()[0], o = probabilities.shape()[1];
  std::vector<double> out(m);
  for (std::size_t i = 0; i < m; ++i)
    out[i] = *std::max_element(probabilities.data() + i * o, probabilities.data() + (i + 1) * o);
  return out;
}

std::vector<double> Verdicts::by_confidence() const {
  std::vector<double> out = confidences();
  for (double& value : out) value = -value;
  return out;
}

std::vector<Bin> reliability(const Verdicts& verdicts, const std::vector<std::size_t>& labels) {
  std::vector<Bin> out(bins);
  const std::vector<std::size_t> said = nn::argmax(verdicts.probabilities);
  const std::vector<double> confidences = verdicts.confidences();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Bin& bin = out[std::min(bins - 1, static_cast<std::size_t>(confidences[i] * bins))];
    ++bin.count;
    bin.confidence += confidences[i];
    bin.accuracy += said[i] == labels[i];
  }
  for (Bin& bin : out)
    if (bin.count) {
      bin.confidence /= static_cast<double>(bin.count);
      bin.accuracy /= static_cast<double>(bin.count);
    }
  return out;
}

Fitness fitness(const Verdicts& verdicts, const std::vector<std::size_t>& labels) {
  Fitness out;
  const std::size_t outputs = verdicts.probabilities.shape()[1];
  const double images = static_cast<double>(labels.size());
  out.accuracy = nn::accuracy(verdicts.probabilities, labels);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out.nll -= std::log(std::max(1e-12, verdicts.probabilities(i, labels[i]))) / images;
    for (std::size_t c = 0; c < outputs; ++c)
      out.brier += std::pow(verdicts.probabilities(i, c) - (c == labels[i]), 2) / images;
  }
  for (const Bin& bin : reliability(verdicts, labels))
    out.calibration += static_cast<double>(bin.count) / images * std::abs(bin.confidence - bin.accuracy);
  return out;
}

double area_under_curve(const std::vector<double>& negative, const std::vector<double>& positive) {
  std::vector<double> all = negative;
  all.insert(all.end(), positive.begin(), positive.end());
  const std::vector<double> rank = ranks(all);
  const double a = static_cast<double>(negative.size()), b = static_cast<double>(positive.size());
  return (std::accumulate(rank.begin() + static_cast<std::ptrdiff_t>(negative.size()), rank.end(), 0.0) -
          b * (b + 1) / 2) /
         (a * b);
}

std::vector<std::pair<double, double>> operating_curve(const std::vector<double>& negative,
                                                       const std::vector<double>& positive) {
  std::vector<double> a = negative, b = positive;
  std::sort(a.rbegin(), a.rend());
  std::sort(b.rbegin(), b.rend());
  std::vector<std::pair<double, double>> out = {{0, 0}};
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    const double threshold = i == a.size() ? b[j] : j == b.size() ? a[i] : std::max(a[i], b[j]);
    while (i < a.size() && a[i] >= threshold) ++i;
    while (j < b.size() && b[j] >= threshold) ++j;
    const std::pair<double, double> next(static_cast<double>(i) / static_cast<double>(a.size()),
                                         static_cast<double>(j) / static_cast<double>(b.size()));
    // Along a straight line only its ends are kept.
    const std::size_t n = out.size();
    if (n > 1 && ((out[n - 2].first == out[n - 1].first && out[n - 1].first == next.first) ||
                  (out[n - 2].second == out[n - 1].second && out[n - 1].second == next.second)))
      out.back() = next;
    else
      out.push_back(next);
  }
  return out;
}

}  // namespace xtangent::examples
