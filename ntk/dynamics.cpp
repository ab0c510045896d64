#include "ntk/dynamics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {
namespace {

Array<double> sum(const Array<double>& a, double factor, const Array<double>& b) {
  Array<double> out = a.clone();
  kernels::axpy(out.size(), factor, b.data(), out.mutable_data());
  return out;
}

void check_rate(double rate) {
  if (!(rate > 0) || !std::isfinite(rate))
    throw option_error("[dynamics] the learning rate " + std::to_string(rate) + " must be positive and finite.");
}

void check_finite(const Array<double>& y, const Array<double>& f0) {
  if (!all_finite(y) || !all_finite(f0)) throw numerical_error("[dynamics] y or f0 holds NaN or infinity.");
}

}  // namespace

Dynamics::Dynamics(AnyMatrix kernel, Doubles y, Doubles f0, SquaredError loss) : y_(std::move(y)), f0_(std::move(f0)) {
  const std::size_t n = kernel.shape().rank() ? kernel.shape()[0] : 0,
                    columns = columns_of_targets("dynamics", y_, f0_, n);
  check_finite(y_, f0_);
  const double entries = static_cast<double>(y_.size());
  scale_ = loss == SquaredError::half_sum ? 1 : loss == SquaredError::sum ? 2 : 2 / entries;
  system_ = eigensystem(std::move(kernel));
  const Array<double> rest = sum(y_, -1, f0_);
  coefficients_ = Array<double>({n, columns});
  kernels::gemm(false, false, n, columns, n, 1.0, system_.vectors.data(), n, rest.data(), columns, 0.0,
                coefficients_.mutable_data(), columns);
}

double Dynamics::maximal_learning_rate() const { return ntk::maximal_learning_rate(system_.values) / scale_; }

// Q factor(lambda, least) Q^T (y - f0) as (N, O). Eigenvalues up to `least`, the size of rounding errors, are zero in
// truth, whatever their sign. Outputs do not change in their directions: an eigenvalue of 1e-16 that belongs to 0 would
// otherwise reach its target at a time of 1e16. Weights do change there, and are computed with `least` in its place, so
// that they stay bounded.
template <class Factor>
Array<double> Dynamics::transformed(const Factor& factor) const {
  const std::size_t n = system_.values.size(), columns = coefficients_.shape()[1];
  const double least =
      static_cast<double>(n) * std::numeric_limits<double>::epsilon() * std::max(system_.values.back(), 0.0);
  Array<double> factors({n, 1}), scaled(coefficients_.shape()), out({n, columns});
  for (std::size_t i = 0; i < n; ++i) factors.mutable_data()[i] = factor(system_.values[i], least);
  if (!all_finite(factors)) {
    std::ostringstream text;
    text << "[dynamics] gradient descent has diverged. Use a rate below maximal_learning_rate(), "
         << maximal_learning_rate() << ".";
    throw numerical_error(text.str());
  }
  kernels::binary(kernels::Binary::multiply, scaled.shape(), coefficients_.data(), scaled.shape(), factors.data(),
                  factors.shape(), scaled.mutable_data());
  kernels::gemm(true, false, n, columns, n, 1.0, system_.vectors.data(), n, scaled.data(), columns, 0.0,
                out.mutable_data(), columns);
  return out.reshaped(y_.shape());
}

namespace {

// 1 - exp(-c lambda t)
double flow(double lambda, double scaled_time) { return -std::expm1(-lambda * scaled_time); }

// 1 - (1 - rate c lambda)^k
double descent(double lambda, double scaled_rate, std::size_t k) {
  const double x = lambda * scaled_rate, steps = static_cast<double>(k);
  return x < 1 ? -std::expm1(steps * std::log1p(-x)) : 1 - std::pow(1 - x, steps);
}

void check_time(double time) {
  if (!(time >= 0)) throw option_error("[dynamics] time " + std::to_string(time) + " must not be negative.");
}

}  // namespace

Array<double> Dynamics::weights_at_time(double time) const {
  check_time(time);
  return transformed([&](double lambda, double least) {
    if (lambda <= least && std::isinf(time)) return 0.0;
    lambda = std::max(lambda, least);
    return lambda > 0 ? flow(lambda, scale_ * time) / lambda : scale_ * time;
  });
}

Array<double> Dynamics::outputs_at_time(double time) const {
  check_time(time);
  return sum(f0_, 1, transformed([&](double lambda, double least) {
               return lambda <= least ? 0.0 : flow(lambda, scale_ * time);
             }));
}

Array<double> Dynamics::weights_at_step(double rate, std::size_t k) const {
  check_rate(rate);
  return transformed([&](double lambda, double least) {
    lambda = std::max(lambda, least);
    return lambda > 0 ? descent(lambda, scale_ * rate, k) / lambda : scale_ * rate * static_cast<double>(k);
  });
}

Array<double> Dynamics::outputs_at_step(double rate, std::size_t k) const {
  check_rate(rate);
  return sum(f0_, 1, transformed([&](double lambda, double least) {
               return lambda <= least ? 0.0 : descent(lambda, scale_ * rate, k);
             }));
}

}  // namespace xtangent::ntk
