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

void check_same_basis(const FeatureMatrix& a, const FeatureMatrix& b) {
  if (a.columns() != b.columns())
    throw shape_error("[features] rows of " + std::to_string(a.columns()) + " and of " + std::to_string(b.columns()) +
                      " numbers. Make both sets of features with the same basis.");
  if (a.basis().empty() || b.basis().empty()) return;
  std::string others;
  for (std::size_t i = 0; i < a.basis().size() && i < b.basis().size(); ++i)
    if (a.basis()[i] != b.basis()[i]) others.append(others.empty() ? "" : ", ").append(a.basis()[i].first);
  if (!others.empty())
    throw option_error("[features] the two sets differ in " + others +
                       ", so their inner products mean nothing. Make both with the same network and basis.");
}

}  // namespace xtangent::ntk
