#include "examples/attribute/datamodel.hpp"

#include <algorithm>

#include "autodiff/kernels/random.hpp"

namespace xtangent::examples {
namespace {

constexpr std::uint64_t stream_of_halves = 1000;  // and those that follow

}  // namespace

std::vector<std::vector<std::size_t>> halves(std::size_t n, std::size_t count, std::uint64_t seed) {
  std::vector<std::vector<std::size_t>> out;
  for (std::size_t s = 0; s < count; ++s) {
    std::vector<std::size_t> order = kernels::permutation(seed, stream_of_halves + s, n);
    order.resize(n / 2);
    std::sort(order.begin(), order.end());
    out.push_back(std::move(order));
  }
  return out;
}

std::vector<double> predicted(const Array<double>& scores, const std::vector<std::vector<std::size_t>>& subsets,
                              std::size_t test) {
  const double* row = scores.data() + test * scores.shape()[1];
  std::vector<double> out;
  for (const std::vector<std::size_t>& subset : subsets) {
    double sum = 0;
    for (const std::size_t i : subset) sum += row[i];
    out.push_back(sum);
  }
  return out;
}

std::vector<double> actual(const Array<double>& margins, std::size_t test) {
  std::vector<double> out;
  for (std::size_t s = 0; s < margins.shape()[0]; ++s) out.push_back(margins[s * margins.shape()[1] + test]);
  return out;
}

std::vector<double> datamodeling_scores(const Array<double>& scores,
                                        const std::vector<std::vector<std::size_t>>& subsets,
                                        const Array<double>& margins) {
  std::vector<double> out;
  for (std::size_t test = 0; test < scores.shape()[0]; ++test)
    out.push_back(rank_correlation(predicted(scores, subsets, test), actual(margins, test)));
  return out;
}

std::vector<double> agreement(const Array<double>& margins, const Array<double>& others) {
  std::vector<double> out;
  for (std::size_t test = 0; test < margins.shape()[1]; ++test)
    out.push_back(rank_correlation(actual(margins, test), actual(others, test)));
  return out;
}

}  // namespace xtangent::examples
