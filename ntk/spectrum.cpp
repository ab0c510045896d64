#include "ntk/spectrum.hpp"

#include <cmath>
#include <limits>

#include "autodiff/error.hpp"
#include "autodiff/kernels/lapack.hpp"

namespace xtangent::ntk {

std::vector<double> eigenvalues(const Array<double>& kernel) {
  if (kernel.rank() != 2 || kernel.shape()[0] != kernel.shape()[1] || kernel.size() == 0)
    throw shape_error("[eigenvalues] the kernel must be square and not empty, got " + to_string(kernel.shape()) + ".");
  if (!all_finite(kernel)) throw numerical_error("[eigenvalues] the kernel holds NaN or infinity.");
  const std::size_t n = kernel.shape()[0];
  double scale = 0, skew = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      scale = std::max(scale, std::abs(kernel[i * n + j]));
      skew = std::max(skew, std::abs(kernel[i * n + j] - kernel[j * n + i]));
    }
  if (skew > 1e-8 * scale)
    throw numerical_error("[eigenvalues] the kernel is not symmetric: entries differ from their mirror images by up to " +
                          std::to_string(skew) + ". Pass the kernel of one set of examples with itself.");
  Array<double> work = kernel.clone();
  return kernels::symmetric_eigenvalues(n, work.mutable_data());
}

double condition_number(const std::vector<double>& values) {
  if (values.empty()) throw shape_error("[condition_number] no eigenvalues.");
  return values.front() > 0 ? values.back() / values.front() : std::numeric_limits<double>::infinity();
}

double maximal_learning_rate(const std::vector<double>& values) {
  if (values.empty()) throw shape_error("[maximal_learning_rate] no eigenvalues.");
  return 2.0 / values.back();
}

}  // namespace xtangent::ntk
