#include "ntk/class_probabilities.hpp"

#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <numbers>

#include "autodiff/error.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/expanded.hpp"

namespace xtangent::ntk {
namespace {

// The integral over z of the normal density times the probabilities that the other outputs are below means[c] + z s.
double largest(const double* means, std::size_t outputs, std::size_t c, double deviation) {
  const auto density = [&](double z) {
    double out = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    for (std::size_t o = 0; o < outputs; ++o)
      if (o != c) out *= std::erfc((-z - (means[c] - means[o]) / deviation) / std::numbers::sqrt2) / 2;
    return out;
  };
  constexpr double end = 9;  // beyond it the normal distribution has 2e-19
  constexpr unsigned halvings = 8;
  return boost::math::quadrature::gauss_kronrod<double, 31>::integrate(density, -end, end, halvings, 1e-9);
}

}  // namespace

Array<double> expected_softmax(const Doubles& means, const Doubles& covariances) {
  const std::size_t m = means.rank() == 2 ? means.shape()[0] : 0, o = means.rank() == 2 ? means.shape()[1] : 0;
  if (means.rank() != 2 || !(covariances.shape() == Shape{m, o, o}))
    throw shape_error("[expected_softmax] means " + to_string(means.shape()) + " and covariances " +
                      to_string(covariances.shape()) + ", expected (M, O) and (M, O, O).");
  const Array<double> variances = block_diagonals(covariances);
  return softmax(Var<double>(means) / sqrt(1.0 + std::numbers::pi / 8 * Var<double>(variances)), 1).value();
}

Array<double> probability_of_largest(const Doubles& means, const Doubles& variances) {
  const std::size_t m = means.rank() == 2 ? means.shape()[0] : 0;
  if (means.rank() != 2 || !(variances.shape() == Shape{m}))
    throw shape_error("[probability_of_largest] means " + to_string(means.shape()) + " and variances " +
                      to_string(variances.shape()) + ", expected (M, O) and (M,).");
  if (!all_finite(means)) throw numerical_error("[probability_of_largest] the means hold NaN or infinity.");
  for (std::size_t i = 0; i < m; ++i)
    if (!(variances[i] > 0) || !std::isfinite(variances[i]))
      throw numerical_error("[probability_of_largest] the variance of example " + std::to_string(i) + " is " +
                            std::to_string(variances[i]) + ". It must be positive and finite; add the noise.");
  const std::size_t outputs = means.shape()[1];
  Array<double> out(means.shape());
  double* to = out.mutable_data();
  kernels::parallel_for(m, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      for (std::size_t c = 0; c < outputs; ++c)
        to[i * outputs + c] = largest(means.data() + i * outputs, outputs, c, std::sqrt(variances[i]));
  });
  return out;
}

}  // namespace xtangent::ntk
