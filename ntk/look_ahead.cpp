#include "ntk/look_ahead.hpp"

#include <cmath>
#include <limits>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t rows_of_a_task = 64;

}  // namespace

LookAhead::LookAhead(Array<double> covariance, Array<double> outputs, double ridge)
    : covariance_(std::move(covariance)), outputs_(std::move(outputs)), ridge_(ridge) {
  check_symmetric("look_ahead", covariance_);
  check_ridge("look_ahead", ridge);
  const std::size_t m = covariance_.shape()[0];
  if (outputs_.rank() != 2 || outputs_.shape()[0] != m || outputs_.shape()[1] == 0)
    throw shape_error("[look_ahead] outputs " + to_string(outputs_.shape()) + ", expected (" + std::to_string(m) +
                      ", O), as many rows as the covariance " + to_string(covariance_.shape()) +
                      " has. An eNTK has O rows for each example; use the pNTK.");
  for (std::size_t i = 0; i < outputs_.size(); ++i)
    if (!std::isfinite(outputs_[i]))
      throw numerical_error("[look_ahead] the outputs of point " + std::to_string(i / outputs_.shape()[1]) +
                            " are not finite.");
  for (std::size_t i = 0; i < m; ++i)
    negligible_.push_back(std::abs(covariance_[i * m + i]) * pivot_rounding<double>(m));
}

bool LookAhead::known(std::size_t point) const {
  return covariance_[point * size() + point] + ridge_ <= negligible_[point];
}

std::vector<double> LookAhead::changes(const Doubles& y) const {
  if (!(y.shape() == outputs_.shape()))
    throw shape_error("[look_ahead] targets " + to_string(y.shape()) + ", expected " + to_string(outputs_.shape()) +
                      ": one for each point.");
  const std::size_t m = size(), outputs = outputs_.shape()[1];
  std::vector<double> out(m);
  kernels::parallel_for(m, rows_of_a_task, [&](std::size_t first, std::size_t last) {
    for (std::size_t u = first; u < last; ++u) {
      if (known(u)) continue;
      double missing = 0, reached = 0;
      for (std::size_t o = u * outputs; o < (u + 1) * outputs; ++o)
        missing += (y[o] - outputs_[o]) * (y[o] - outputs_[o]);
      const double* row = covariance_.data() + u * m;
      for (std::size_t x = 0; x < m; ++x) reached += std::abs(row[x]);
      out[u] = std::sqrt(missing) * reached / (row[u] + ridge_);
    }
  });
  return out;
}

void LookAhead::check_point(const char* who, std::size_t point, const Array<double>& y) const {
  const std::size_t outputs = outputs_.shape()[1];
  if (point >= size())
    throw shape_error("[" + std::string(who) + "] point " + std::to_string(point) + " of " + std::to_string(size()) +
                      ": points count from 0.");
  if (y.size() != outputs)
    throw shape_error("[" + std::string(who) + "] a target " + to_string(y.shape()) + ", expected (" +
                      std::to_string(outputs) + ",), one number for each output.");
}

std::vector<double> LookAhead::reach(std::size_t point) const {
  const std::size_t m = size();
  std::vector<double> out(m);
  if (known(point)) return out;
  const double* row = covariance_.data() + point * m;
  for (std::size_t x = 0; x < m; ++x) out[x] = row[x] / (row[point] + ridge_);
  return out;
}

Array<double> LookAhead::outputs_with(std::size_t point, const Doubles& y) const {
  check_point("outputs_with", point, y);
  const std::size_t outputs = outputs_.shape()[1];
  const std::vector<double> reached = reach(point);
  Array<double> out = outputs_.clone();
  double* to = out.mutable_data();
  for (std::size_t x = 0; x < size(); ++x)
    for (std::size_t o = 0; o < outputs; ++o)
      to[x * outputs + o] += reached[x] * (y[o] - outputs_[point * outputs + o]);
  return out;
}

void LookAhead::add(std::size_t point, const Doubles& y) {
  outputs_ = outputs_with(point, y);
  if (known(point)) return;
  // The new row of the factor of the bordered kernel.
  const std::size_t m = size();
  const double* row = covariance_.data() + point * m;
  const double scale = 1 / std::sqrt(row[point] + ridge_);
  std::vector<double> border(row, row + m);
  for (double& b : border) b *= scale;
  double* covariance = covariance_.mutable_data();
  kernels::parallel_for(m, rows_of_a_task, [&](std::size_t first, std::size_t last) {
    for (std::size_t x = first; x < last; ++x)
      kernels::loops<double>().axpy(m, -border[x], border.data(), covariance + x * m);
  });
}

}  // namespace xtangent::ntk
