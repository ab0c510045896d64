#include "ntk/compare.hpp"

#include <cmath>
#include <xtensor-blas/xlinalg.hpp>

#include "autodiff/error.hpp"
#include "autodiff/kernels/loops.hpp"

namespace xtangent::ntk {
namespace {

double dot(const Array<double>& a, const Array<double>& b) {
  // In rows, so that the sums stay short.
  const std::size_t row = a.rank() ? a.shape().back() : 1;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); i += row) sum += kernels::loops<double>().dot(row, a.data() + i, b.data() + i);
  return sum;
}

void check_same(const char* who, const Array<double>& a, const Array<double>& b) {
  if (!(a.shape() == b.shape()) || a.size() == 0)
    throw shape_error(std::string("[") + who + "] kernels " + to_string(a.shape()) + " and " + to_string(b.shape()) +
                      " must have one shape and not be empty.");
}

double not_zero(const char* who, double norm) {
  if (!(norm > 0)) throw numerical_error(std::string("[") + who + "] a kernel is zero or not finite.");
  return norm;
}

}  // namespace

double relative_frobenius(const Array<double>& entk, const Array<double>& pntk, std::size_t outputs) {
  if (entk.rank() != 2 || pntk.rank() != 2 || outputs == 0 || pntk.size() == 0 ||
      !(entk.shape() == Shape{pntk.shape()[0] * outputs, pntk.shape()[1] * outputs}))
    throw shape_error("[relative_frobenius] eNTK " + to_string(entk.shape()) + ", pNTK " + to_string(pntk.shape()) +
                      " and " + std::to_string(outputs) + " outputs do not fit: (N1 O, N2 O) and (N1, N2).");
  const std::size_t columns = entk.shape()[1];
  double difference = 0, norm = 0;
  for (std::size_t row = 0; row < entk.shape()[0]; ++row) {
    const double* theta = entk.data() + row * columns;
    const double* k = pntk.data() + row / outputs * pntk.shape()[1];
    double row_norm = 0, row_difference = 0;
    for (std::size_t m = 0; m < pntk.shape()[1]; ++m)
      for (std::size_t o = 0; o < outputs; ++o) {
        const double value = theta[m * outputs + o];
        const double rest = o == row % outputs ? value - k[m] : value;
        row_norm += value * value;
        row_difference += rest * rest;
      }
    norm += row_norm;
    difference += row_difference;
  }
  return std::sqrt(difference / not_zero("relative_frobenius", norm));
}

double relative_difference(const Array<double>& a, const Array<double>& b) {
  check_same("relative_difference", a, b);
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(difference / not_zero("relative_difference", dot(b, b)));
}

double alignment(const Array<double>& a, const Array<double>& b) {
  check_same("alignment", a, b);
  return dot(a, b) / std::sqrt(not_zero("alignment", dot(a, a)) * not_zero("alignment", dot(b, b)));
}

double kernel_distance(const Array<double>& a, const Array<double>& b) { return 1.0 - alignment(a, b); }

double log_log_slope(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() != y.size() || x.size() < 2)
    throw shape_error("[log_log_slope] " + std::to_string(x.size()) + " x and " + std::to_string(y.size()) +
                      " y; give as many of each, at least two.");
  xt::xtensor<double, 2> design = xt::xtensor<double, 2>::from_shape({x.size(), 2});
  xt::xtensor<double, 2> values = xt::xtensor<double, 2>::from_shape({x.size(), 1});
  bool varies = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(x[i] > 0) || !(y[i] > 0) || !std::isfinite(x[i]) || !std::isfinite(y[i]))
      throw numerical_error("[log_log_slope] point " + std::to_string(i) + " is not positive and finite.");
    varies = varies || x[i] != x[0];
    design(i, 0) = std::log(x[i]);
    design(i, 1) = 1.0;
    values(i, 0) = std::log(y[i]);
  }
  if (!varies) throw numerical_error("[log_log_slope] all x are equal.");
  return std::get<0>(xt::linalg::lstsq(design, values))(0, 0);
}

}  // namespace xtangent::ntk
