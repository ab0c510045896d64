#include "ntk/computation/feature_products.hpp"

#include <algorithm>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t panel = 512;  // columns

}  // namespace

void upper_gram(bool transpose, std::size_t n, std::size_t k, const double* a, std::size_t lda, double beta,
                double* out, std::size_t ldo) {
  for (std::size_t first = 0; first < n; first += panel) {
    const std::size_t width = std::min(panel, n - first);
    kernels::gemm(transpose, !transpose, first + width, width, k, 1.0, a, lda, a + first * (transpose ? 1 : lda), lda,
                  beta, out + first, ldo);
  }
}

Array<double> normal_matrix(const FeatureMatrix& phi) {
  const std::size_t k = phi.columns();
  Array<double> out = Array<double>::zeros({k, k});
  double* to = out.mutable_data();
  phi.for_each_block(
      [&](std::size_t, const Array<double>& a) { upper_gram(true, k, a.shape()[0], a.data(), k, 1.0, to, k); });
  kernels::mirror_upper(k, to);
  return out;
}

Array<double> projected(const FeatureMatrix& phi, const Array<double>& y) {
  const std::size_t k = phi.columns(), m = y.shape()[1];
  Array<double> out = Array<double>::zeros({k, m});
  double* to = out.mutable_data();
  phi.for_each_block([&](std::size_t first, const Array<double>& a) {
    kernels::gemm(true, false, k, m, a.shape()[0], 1.0, a.data(), k, y.data() + first * m, m, 1.0, to, m);
  });
  return out;
}

Array<double> applied(const FeatureMatrix& phi, const Array<double>& w) {
  const std::size_t k = phi.columns(), m = w.shape()[1];
  Array<double> out({phi.rows(), m});
  double* to = out.mutable_data();
  phi.for_each_block([&](std::size_t first, const Array<double>& a) {
    kernels::gemm(false, false, a.shape()[0], m, k, 1.0, a.data(), k, w.data(), m, 0.0, to + first * m, m);
  });
  return out;
}

void check_same_columns(const FeatureMatrix& a, const FeatureMatrix& b) {
  if (a.columns() != b.columns())
    throw shape_error("[features] rows of " + std::to_string(a.columns()) + " and of " + std::to_string(b.columns()) +
                      " numbers. Make both sets of features with the same basis.");
}

}  // namespace xtangent::ntk
