#include "ntk/compare.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <xtensor-blas/xlinalg.hpp>

#include "autodiff/error.hpp"
#include "autodiff/kernels/compare.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::ntk {
namespace {

void check_same(const char* who, const AnyMatrix& a, const AnyMatrix& b) {
  if (!(a.shape() == b.shape()) || a.shape().size() == 0 || a.shape().rank() == 0)
    throw shape_error(std::string("[") + who + "] kernels " + to_string(a.shape()) + " and " + to_string(b.shape()) +
                      " must have the same shape and not be empty.");
}

void check_blocks(const char* who, const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs) {
  const Shape &full = entk.shape(), &k = pntk.shape();
  if (full.rank() != 2 || k.rank() != 2 || outputs == 0 || k.size() == 0 ||
      !(full == Shape{k[0] * outputs, k[1] * outputs}))
    throw shape_error(std::string("[") + who + "] eNTK " + to_string(full) + ", pNTK " + to_string(k) + " and " +
                      std::to_string(outputs) + " outputs do not fit: (N1 O, N2 O) and (N1, N2).");
}

kernels::PairSums sums(const AnyMatrix& a, const AnyMatrix& b) {
  const std::size_t columns = a.shape().back(), rows = a.shape().size() / columns;
  return a.visit([&](const auto& x) {
    return b.visit([&](const auto& y) { return kernels::pair_sums(rows, columns, x.data(), y.data()); });
  });
}

kernels::PairSums sums(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs) {
  const std::size_t rows = pntk.shape()[0], columns = pntk.shape()[1];
  return entk.visit([&](const auto& x) {
    return pntk.visit([&](const auto& y) {
      return kernels::pair_sums_of_blocks(rows, columns, outputs, x.data(), columns * outputs, y.data(), columns);
    });
  });
}

double not_zero(const char* who, double norm) {
  if (!(norm > 0) || !std::isfinite(norm))
    throw numerical_error(std::string("[") + who + "] a kernel is zero or not finite.");
  return norm;
}

double cosine(const char* who, const kernels::PairSums& s) {
  return s.ab / std::sqrt(not_zero(who, s.aa)) / std::sqrt(not_zero(who, s.bb));
}

// |a - b| / |b|
double relative(double a, double b) {
  if (a == b) return 0;
  return b == 0 || std::isinf(a) || std::isinf(b) ? std::numeric_limits<double>::infinity()
                                                  : std::abs(a - b) / std::abs(b);
}

}  // namespace

double relative_frobenius(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs) {
  check_blocks("relative_frobenius", entk, pntk, outputs);
  const kernels::PairSums s = sums(entk, pntk, outputs);
  return std::sqrt(s.difference / not_zero("relative_frobenius", s.aa));
}

double relative_difference(const AnyMatrix& a, const AnyMatrix& b) {
  check_same("relative_difference", a, b);
  const kernels::PairSums s = sums(a, b);
  return std::sqrt(s.difference / not_zero("relative_difference", s.bb));
}

double alignment(const AnyMatrix& a, const AnyMatrix& b) {
  check_same("alignment", a, b);
  return cosine("alignment", sums(a, b));
}

double alignment(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs) {
  check_blocks("alignment", entk, pntk, outputs);
  return cosine("alignment", sums(entk, pntk, outputs));
}

double centered_alignment(const AnyMatrix& a, const AnyMatrix& b) {
  check_same("centered_alignment", a, b);
  if (a.shape().rank() != 2 || a.shape()[0] != a.shape()[1])
    throw shape_error("[centered_alignment] kernels " + to_string(a.shape()) + " must be square.");
  return cosine("centered_alignment", a.visit([&](const auto& x) {
    return b.visit([&](const auto& y) { return kernels::centered_pair_sums(a.shape()[0], x.data(), y.data()); });
  }));
}

double kernel_distance(const AnyMatrix& a, const AnyMatrix& b) { return 1.0 - alignment(a, b); }

double kernel_distance(const AnyMatrix& entk, const AnyMatrix& pntk, std::size_t outputs) {
  return 1.0 - alignment(entk, pntk, outputs);
}

SpectrumDifference spectrum_difference(const std::vector<double>& approximate, const std::vector<double>& exact) {
  if (approximate.empty() || exact.empty()) throw shape_error("[spectrum_difference] no eigenvalues.");
  return {relative(approximate.back(), exact.back()), relative(approximate.front(), exact.front()),
          relative(condition_number(approximate), condition_number(exact))};
}

double log_log_slope(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() != y.size() || x.size() < 2)
    throw shape_error("[log_log_slope] " + std::to_string(x.size()) + " x and " + std::to_string(y.size()) +
                      "  y. Give the same number of both, at least two.");
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
