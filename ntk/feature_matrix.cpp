#include "ntk/feature_matrix.hpp"

#include <algorithm>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/computation/feature_products.hpp"
#include "ntk/computation/store_folder.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t block_bytes = std::size_t{64} << 20;

// out (., width) at row and column of a block = a b^T
void put_product(const Array<double>& a, const Array<double>& b, std::size_t row, std::size_t column, std::size_t width,
                 double* out) {
  const std::size_t k = a.shape()[1];
  kernels::gemm(false, true, a.shape()[0], b.shape()[0], k, 1.0, a.data(), k, b.data(), k, 0.0,
                out + row * width + column, width);
}

}  // namespace

FeatureMatrix::FeatureMatrix(AnyMatrix phi) {
  if (phi.shape().rank() != 2 || phi.shape().size() == 0)
    throw shape_error("[features] features " + to_string(phi.shape()) + ", expected (n, k) with at least one row.");
  rows_ = phi.shape()[0];
  columns_ = phi.shape()[1];
  block_rows_ = std::clamp<std::size_t>(block_bytes / (8 * columns_), 1, rows_);
  block_ = [phi](std::size_t first, std::size_t last) {
    return phi.visit([&](const auto& values) -> Array<double> { return Doubles(values.rows(first, last)); });
  };
  float_block_ = [phi](std::size_t first, std::size_t last) {
    return phi.visit([&](const auto& values) { return converted<float>(values.rows(first, last)); });
  };
  source_ = [phi = std::move(phi)] {
    return phi.visit([](const auto& values) { return fingerprint(values.data(), values.bytes()); });
  };
}

FeatureMatrix::FeatureMatrix(StoredFeatures stored)
    : rows_(stored.rows()), columns_(stored.columns()), block_rows_(stored.rows_in_part()) {
  stored.require_complete();
  source_ = [identity = stored.identity()] { return identity; };
  basis_ = stored.basis();
  float_block_ = [stored](std::size_t first, std::size_t last) { return stored.block<float>(first, last); };
  block_ = [stored = std::move(stored)](std::size_t first, std::size_t last) { return stored.block(first, last); };
}

FeatureMatrix FeatureMatrix::first(std::size_t rows) const {
  if (rows == 0 || rows > rows_)
    throw shape_error("[features] the first " + std::to_string(rows) + " of " + std::to_string(rows_) + " rows.");
  FeatureMatrix out = *this;
  out.rows_ = rows;
  if (basis_.empty()) out.block_rows_ = std::min(block_rows_, rows);  // a file is read as a whole
  return out;
}

std::string FeatureMatrix::identity() const { return source_() + ", " + std::to_string(rows_) + " rows"; }

void FeatureMatrix::for_each_block(const std::function<void(std::size_t, const Array<double>&)>& f) const {
  for (std::size_t first = 0; first < rows_; first += block_rows_)
    f(first, block(first, std::min(rows_, first + block_rows_)));
}

Array<double> feature_kernel(const FeatureMatrix& phi) {
  const std::size_t n = phi.rows();
  Array<double> out({n, n});
  double* to = out.mutable_data();
  phi.for_each_block([&](std::size_t first, const Array<double>& a) {
    upper_gram(false, a.shape()[0], a.shape()[1], a.data(), a.shape()[1], 0.0, to + first * (n + 1), n);
    const std::size_t each = phi.block_rows();
    for (std::size_t next = first + each; next < n; next += each)
      put_product(a, phi.block(next, std::min(n, next + each)), first, next, n, to);
  });
  kernels::mirror_upper(n, to);
  return out;
}

Array<double> feature_kernel(const FeatureMatrix& phi1, const FeatureMatrix& phi2) {
  check_same_basis(phi1, phi2);
  const std::size_t m = phi2.rows();
  Array<double> out({phi1.rows(), m});
  double* to = out.mutable_data();
  phi1.for_each_block([&](std::size_t first, const Array<double>& a) {
    phi2.for_each_block([&](std::size_t second, const Array<double>& b) { put_product(a, b, first, second, m, to); });
  });
  return out;
}

Array<double> feature_product(const FeatureMatrix& phi, const Doubles& w) {
  if (w.rank() != 2 || w.shape()[0] != phi.columns())
    throw shape_error("[features] weights " + to_string(w.shape()) + ", expected (" + std::to_string(phi.columns()) +
                      ", m).");
  return applied(phi, w);
}

LinearMap feature_map(const FeatureMatrix& phi) {
  return {phi.rows(), [phi](const Array<double>& u) { return applied(phi, projected(phi, u)); }};
}

}  // namespace xtangent::ntk
