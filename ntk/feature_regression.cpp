#include "ntk/feature_regression.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/refinement.hpp"
#include "ntk/algebra/transposed.hpp"
#include "ntk/computation/feature_products.hpp"

namespace xtangent::ntk {
namespace {

Array<double> combined(kernels::Binary op, const Array<double>& a, const Array<double>& b) {
  Array<double> out(a.shape());
  kernels::binary(op, a.shape(), a.data(), a.shape(), b.data(), b.shape(), out.mutable_data());
  return out;
}

}  // namespace

FeatureSystem::FeatureSystem(FeatureMatrix phi, Options options)
    : phi_(std::move(phi)), primal_(phi_.columns() < phi_.rows()) {
  Array<double> matrix = primal_ ? normal_matrix(phi_) : feature_kernel(phi_);
  const std::size_t order = matrix.shape()[0];
  double* diagonal = matrix.mutable_data();
  double trace = 0;
  for (std::size_t i = 0; i < order; ++i) trace += diagonal[i * (order + 1)];
  ridge_ = options.ridge * (options.relative ? trace / static_cast<double>(phi_.rows()) : 1);
  if (primal_ && trace > 0)  // what no gradient touches gets the weight 0, whatever stands here
    for (std::size_t i = 0; i < order; ++i)
      if (diagonal[i * (order + 1)] == 0) {
        diagonal[i * (order + 1)] = trace / static_cast<double>(order);
        filled_.push_back(trace / static_cast<double>(order) + ridge_);
      }
  options.ridge = ridge_;
  options.relative = false;
  factor_.emplace(std::move(matrix), options);
}

Array<double> FeatureSystem::weights(const Doubles& y) const {
  if (y.rank() != 2 || y.shape()[0] != phi_.rows())
    throw shape_error("[features] y " + to_string(y.shape()) + ", expected (" + std::to_string(phi_.rows()) + ", m).");
  return primal_ ? factor_->solve(projected(phi_, y)) : projected(phi_, factor_->solve(y));
}

// The eigenvalues of Phi Phi^T and of Phi^T Phi are the same but for zeros.
double FeatureSystem::log_determinant() const {
  double out = factor_->log_determinant();
  if (!primal_) return out;
  for (const double value : filled_) out += std::log(ridge_) - std::log(value);
  return out + static_cast<double>(phi_.rows() - phi_.columns()) * std::log(ridge_);
}

// The residual y - Phi w is ridge (Phi Phi^T + ridge I)^-1 y.
Array<double> FeatureSystem::log_evidence(const Doubles& y, const Doubles& w) const {
  if (!(ridge_ > 0)) throw numerical_error("[features] without a ridge there is no evidence.");
  const Array<double> found = w.defined() ? Array<double>(w) : weights(y);
  const Shape expected{phi_.rows(), found.rank() == 2 ? found.shape()[1] : 1};
  if (found.rank() != 2 || found.shape()[0] != phi_.columns() || !(y.shape() == expected))
    throw shape_error("[features] y " + to_string(y.shape()) + " for weights " + to_string(found.shape()) +
                      ", expected " + to_string(expected) + ".");
  if (!primal_) return factor_->log_evidence(y);  // which is exact also where the ridge is hardly more than rounding
  const Array<double> fitted = feature_product(phi_, found);
  const Array<double> solution = combined(kernels::Binary::divide, combined(kernels::Binary::subtract, y, fitted),
                                          Array<double>::full({1, 1}, ridge_));
  return log_evidences(y, solution, phi_.rows(), log_determinant());
}

Array<double> FeatureSystem::smoother(const FeatureMatrix& phi_new) const {
  check_same_basis(phi_new, phi_);
  if (!primal_) return transposed(factor_->solve(transposed(feature_kernel(phi_new, phi_))));
  const std::size_t k = phi_.columns(), m = phi_new.rows();
  Array<double> all({k, m});
  phi_new.for_each_block([&](std::size_t first, const Array<double>& a) {
    const Array<double> columns = transposed(a);
    kernels::copy_runs(k, a.shape()[0], columns.data(), a.shape()[0], all.mutable_data() + first, m);
  });
  return transposed(applied(phi_, factor_->solve(all)));
}

Array<double> FeatureSystem::leverages() const {
  Array<double> out({phi_.rows()});
  double* to = out.mutable_data();
  if (!primal_) {  // K (K + ridge I)^-1 = I - ridge (K + ridge I)^-1
    const Array<double> inverse = factor_->inverse_diagonal();
    for (std::size_t n = 0; n < out.size(); ++n) to[n] = 1 - ridge_ * inverse[n];
    return out;
  }
  phi_.for_each_block([&](std::size_t first, const Array<double>& rows) {
    const std::size_t k = rows.shape()[1];
    const Array<double> white = factor_->whitened(rows);
    for (std::size_t i = 0; i < rows.shape()[0]; ++i)
      to[first + i] = kernels::loops<double>().dot(k, white.data() + i * k, white.data() + i * k);
  });
  return out;
}

Array<double> FeatureRegression::weights(const Doubles& y, const Doubles& f0) const {
  const std::size_t n = system_.phi().rows(), columns = columns_of_targets("regression", y, f0, n);
  return system_.weights(combined(kernels::Binary::subtract, y, f0).reshaped({n, columns}));
}

Array<double> FeatureRegression::predict(const FeatureMatrix& phi_new, const Doubles& y, const Doubles& f0,
                                         const Doubles& f0_new) const {
  check_same_basis(phi_new, system_.phi());
  const Array<double> w = weights(y, f0);
  if (f0_new.rank() != 2 || f0_new.shape()[1] != y.shape()[1] || f0_new.size() != phi_new.rows() * w.shape()[1])
    throw shape_error("[predict] f0_new " + to_string(f0_new.shape()) + " for " + std::to_string(phi_new.rows()) +
                      " rows of features and outputs " + to_string(y.shape()) + ", expected (M, O).");
  return combined(kernels::Binary::add, f0_new, applied(phi_new, w).reshaped(f0_new.shape()));
}

Array<double> FeatureAttribution::scores(const FeatureMatrix& phi_new, const Doubles& misses) const {
  check_misses("scores", misses, system_.phi().rows());
  return combined(kernels::Binary::multiply, system_.smoother(phi_new), misses);
}

Array<double> FeatureAttribution::self_influence(const Doubles& misses) const {
  check_misses("self_influence", misses, system_.phi().rows());
  return combined(kernels::Binary::multiply, system_.leverages(), misses);
}

}  // namespace xtangent::ntk
