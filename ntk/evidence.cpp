#include "ntk/evidence.hpp"

#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::ntk {
namespace {

// The targets in the basis of the eigenvectors.
struct Targets {
  std::vector<double> eigenvalues, squares;  // squares: summed over the `columns` right-hand sides
  double columns = 1;

  // The best prior with noise = ratio * variance.
  Prior best(double ratio) const {
    const double entries = columns * static_cast<double>(eigenvalues.size());
    double sum = 0, logs = 0;
    for (std::size_t i = 0; i < eigenvalues.size(); ++i) {
      sum += squares[i] / (eigenvalues[i] + ratio);
      logs += std::log(eigenvalues[i] + ratio);
    }
    const double variance = sum / entries;
    return {variance, ratio * variance,
            -0.5 * (entries * (std::log(2 * std::numbers::pi * variance) + 1) + columns * logs)};
  }
};

}  // namespace

Prior most_likely_prior(const AnyMatrix& kernel, const Doubles& y) {
  const std::size_t n = kernel.shape().rank() ? kernel.shape()[0] : 0, columns = columns_of_targets("prior", y, y, n);
  if (!all_finite(y)) throw numerical_error("[prior] y holds NaN or infinity.");
  Eigensystem system = eigensystem(kernel);
  Array<double> rotated({n, columns});
  kernels::gemm(false, false, n, columns, n, 1.0, system.vectors.data(), n, y.data(), columns, 0.0,
                rotated.mutable_data(), columns);
  Targets targets{std::move(system.values), std::vector<double>(n), static_cast<double>(columns)};
  for (double& value : targets.eigenvalues) value = std::max(0.0, value);
  for (std::size_t i = 0; i < rotated.size(); ++i) targets.squares[i / columns] += rotated[i] * rotated[i];
  const double mean =
      std::accumulate(targets.eigenvalues.begin(), targets.eigenvalues.end(), 0.0) / static_cast<double>(n);
  if (!(mean > 0) || !(std::accumulate(targets.squares.begin(), targets.squares.end(), 0.0) > 0))
    throw numerical_error("[prior] the kernel or y is zero: every prior explains that.");

  const auto improbable = [&](double log_ratio) { return -targets.best(mean * std::exp(log_ratio)).log_evidence; };
  const double low = std::log(1e-10), high = std::log(1e4), step = 0.5;
  double best = low;
  for (double at = low; at <= high; at += step)
    if (improbable(at) < improbable(best)) best = at;
  const auto found =
      boost::math::tools::brent_find_minima(improbable, std::max(low, best - step), std::min(high, best + step), 40);
  return targets.best(mean * std::exp(found.first));
}

}  // namespace xtangent::ntk
