#include "ntk/spectrum.hpp"

#include <cmath>
#include <limits>

#include "autodiff/error.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {

std::vector<double> eigenvalues(AnyMatrix kernel) {
  Array<double> k = std::move(kernel).wide();
  check_symmetric("eigenvalues", k);
  return kernels::symmetric_eigenvalues(k.shape()[0], k.mutable_data());
}

Eigensystem eigensystem(AnyMatrix kernel) {
  Array<double> k = std::move(kernel).wide();
  check_symmetric("eigensystem", k);
  std::vector<double> values = kernels::symmetric_eigenvectors(k.shape()[0], k.mutable_data());
  return {std::move(values), std::move(k)};
}

double condition_number(const std::vector<double>& values) {
  if (values.empty()) throw shape_error("[condition_number] no eigenvalues.");
  return values.front() > 0 ? values.back() / values.front() : std::numeric_limits<double>::infinity();
}

double maximal_learning_rate(const std::vector<double>& values) {
  if (values.empty()) throw shape_error("[maximal_learning_rate] no eigenvalues.");
  if (!(values.back() > 0)) throw numerical_error("[maximal_learning_rate] the largest eigenvalue is not positive.");
  return 2.0 / values.back();
}

double effective_rank(const std::vector<double>& values) {
  if (values.empty()) throw shape_error("[effective_rank] no eigenvalues.");
  double sum = 0, entropy = 0;
  for (double v : values) sum += std::max(v, 0.0);
  if (!(sum > 0)) throw numerical_error("[effective_rank] no eigenvalue is positive.");
  for (double v : values)
    if (v > 0) entropy -= v / sum * std::log(v / sum);
  return std::exp(entropy);
}

}  // namespace xtangent::ntk
