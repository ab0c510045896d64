#include "ntk/dynamics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/columns.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/reduce.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {
namespace {

Array<double> sum(const Array<double>& a, double factor, const Array<double>& b) {
  Array<double> out = a.clone();
  kernels::axpy(out.size(), factor, b.data(), out.mutable_data());
  return out;
}

double largest(const Array<double>& x) {
  double out = 0;
  kernels::column_maxima(x.size(), 1, x.data(), &out);
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
  if (!all_finite(factors))
    throw numerical_error("[dynamics] gradient descent has diverged. Use a rate below maximal_learning_rate(), " +
                          std::to_string(maximal_learning_rate()) + ".");
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

CrossEntropyDynamics::CrossEntropyDynamics(LinearMap kernel, Doubles y, Doubles f0, Reduction loss)
    : kernel_(std::move(kernel)), y_(std::move(y)), f0_(std::move(f0)) {
  columns_of_targets("cross_entropy_dynamics", y_, f0_, kernel_.size);
  check_finite(y_, f0_);
  if (loss == Reduction::none)
    throw option_error("[cross_entropy_dynamics] the loss must be one number: Reduction::mean or Reduction::sum.");
  scale_ = loss == Reduction::mean ? 1 / static_cast<double>(y_.shape()[0]) : 1;
  const std::size_t outputs = y_.shape()[1];
  for (std::size_t i = 0; i < y_.shape()[0]; ++i) {
    const double* row = y_.data() + i * outputs;
    const double total = kernels::loops<double>().sum(outputs, row);
    if (std::any_of(row, row + outputs, [](double p) { return p < 0; }) || std::abs(total - 1) > 1e-6)
      throw data_error("[cross_entropy_dynamics] row " + std::to_string(i) + " of y has sum " + std::to_string(total) +
                       " or a negative entry: give probabilities, such as 1 for the label and 0 elsewhere.");
  }
}

// The slope d w / dt at the outputs f.
Array<double> CrossEntropyDynamics::slope(const Array<double>& f) const {
  Array<double> p(f.shape());
  kernels::softmax_rows(f.shape()[0], f.shape()[1], f.data(), p.mutable_data());
  Array<double> out(f.shape());
  kernels::loops<double>().combine(f.size(), -scale_, p.data(), scale_, y_.data(), 0.0, out.mutable_data());
  return out;
}

Array<double> CrossEntropyDynamics::product(const Array<double>& w) const {
  return kernel_(w.reshaped({kernel_.size, w.size() / kernel_.size})).reshaped(w.shape());
}

Array<double> CrossEntropyDynamics::weights_at_step(double rate, std::size_t k) const {
  check_rate(rate);
  Array<double> w = Array<double>::zeros(f0_.shape());
  for (std::size_t step = 0; step < k; ++step) w = sum(w, rate, slope(step ? sum(f0_, 1, product(w)) : f0_));
  return w;
}

Array<double> CrossEntropyDynamics::weights_at_time(double time, const FlowOptions& options) const {
  return weights_at_times({time}, options).front();
}

// Weights, their outputs, the slope there and its product with the kernel. Outputs are linear in the weights, so a
// stage needs only one product, and the errors of weights and outputs are both known.
struct CrossEntropyDynamics::State {
  Array<double> w, f, slope, product;
  double time = 0;
};

namespace {

// Dormand and Prince 1980, one row for each stage. The last row is the solution of order 5, and `error` is its
// difference from the solution of order 4.
constexpr std::array<std::array<double, 6>, 6> stages = {{
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
}};
constexpr std::array<double, 7> error = {71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                         -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

// from + h sum_i weights[i] of[i]
template <std::size_t n>
Array<double> moved(const Array<double>& from, double h, const std::array<double, n>& weights,
                    const std::vector<Array<double>>& of) {
  Array<double> out = from.clone();
  for (std::size_t i = 0; i < of.size(); ++i)
    kernels::axpy(out.size(), h * weights[i], of[i].data(), out.mutable_data());
  return out;
}

}  // namespace

std::vector<Array<double>> CrossEntropyDynamics::weights_at_times(const std::vector<double>& times,
                                                                  const FlowOptions& options) const {
  if (!(options.tolerance > 0)) throw option_error("[cross_entropy_dynamics] the tolerance must be positive.");
  const Array<double> zero = Array<double>::zeros(f0_.shape());
  State now{zero, f0_, slope(f0_), {}, 0};
  now.product = product(now.slope);
  // The first step is small enough to follow the fastest direction. Later steps are chosen by their errors.
  double h = 0.01 / (1e-300 + largest(now.product));
  std::size_t products = 1;
  std::vector<Array<double>> out;
  for (double time : times) {
    if (!(time >= now.time) || !std::isfinite(time))
      throw option_error("[cross_entropy_dynamics] times must be finite and ascend from 0, got " +
                         std::to_string(time) + ".");
    while (now.time < time) {
      const bool last = now.time + h >= time;
      const double step = last ? time - now.time : h;
      std::vector<Array<double>> slopes = {now.slope}, changes = {now.product};
      State next;
      for (const auto& weights : stages) {
        next.f = moved(now.f, step, weights, changes);
        if (slopes.size() == 6) next.w = moved(now.w, step, weights, slopes);
        slopes.push_back(slope(next.f));
        changes.push_back(product(slopes.back()));
      }
      if ((products += 6) > options.max_products)
        throw numerical_error("[cross_entropy_dynamics] " + std::to_string(options.max_products) +
                              " products with the kernel have led to time " + std::to_string(now.time) + " of " +
                              std::to_string(time) + ". Raise max_products or tolerance, or take steps of descent.");
      const double error_f = largest(moved(zero, step, error, changes)) / (1 + largest(next.f));
      const double error_w = largest(moved(zero, step, error, slopes)) / largest(next.w);
      const double ratio = std::max({error_f, std::isfinite(error_w) ? error_w : 0, 1e-300}) / options.tolerance;
      if (ratio <= 1) {
        next.time = last ? time : now.time + step;
        next.slope = slopes.back();
        next.product = changes.back();
        now = std::move(next);
      }
      if (ratio > 1 || !last) h = step * std::clamp(0.9 * std::pow(ratio, -0.2), 0.2, 5.0);
    }
    out.push_back(now.w);
  }
  return out;
}

}  // namespace xtangent::ntk
