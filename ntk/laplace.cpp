#include "ntk/laplace.hpp"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>

#include "autodiff/error.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/loss.hpp"
#include "autodiff/ops/reduction.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/expanded.hpp"
#include "ntk/algebra/transposed.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::ntk {
namespace {

// x S for rows x (R, N O): with the roots q of the probabilities, S_n = diag(q_n) (I - q_n q_n^T).
Array<double> times_root(const Array<double>& x, const Array<double>& roots) {
  const Var<double> q(roots);
  const Var<double> scaled = Var<double>(x.reshaped({x.shape()[0], roots.shape()[0], roots.shape()[1]})) * q;
  return (scaled - sum(scaled * q, {2}, true) * q).value().reshaped(x.shape());
}

// The kernel of all outputs.
Array<double> of_outputs(const AnyMatrix& kernel, std::size_t rows, std::size_t columns, std::size_t outputs) {
  const Shape whole{rows * outputs, columns * outputs};
  if (kernel.shape() == whole) return kernel.wide();
  if (!(kernel.shape() == Shape{rows, columns}))
    throw shape_error("[laplace] a kernel " + to_string(kernel.shape()) + ", expected " + to_string(whole) + " or " +
                      to_string(Shape{rows, columns}) + ".");
  return expanded(kernel.wide(), outputs);
}

Array<double> checked(const Doubles& outputs) {
  if (outputs.rank() != 2 || outputs.size() == 0)
    throw shape_error("[laplace] outputs " + to_string(outputs.shape()) + ", expected (N, O).");
  if (!all_finite(outputs)) throw numerical_error("[laplace] the outputs hold NaN or infinity.");
  return outputs;
}

Array<double> product_of(const AnyMatrix& kernel, const Array<double>& roots) {
  const std::size_t n = roots.shape()[0];
  const Array<double> k = of_outputs(kernel, n, n, roots.shape()[1]);
  check_symmetric("laplace", k);
  Array<double> out = times_root(transposed(times_root(k, roots)), roots);
  kernels::mirror_lower(roots.size(), out.mutable_data());
  return out;
}

Cholesky<double> factored(const Array<double>& product, double variance) {
  if (!(variance > 0) || !std::isfinite(variance))
    throw option_error("[laplace] the prior's variance " + std::to_string(variance) + " must be positive and finite.");
  return Cholesky<double>((Var<double>(product) * variance).value(), {.ridge = 1, .relative = false});
}

Array<double> roots_of(const Array<double>& outputs) { return sqrt(softmax(Var<double>(outputs), 1)).value(); }

}  // namespace

Laplace::Laplace(Array<double> outputs, Array<double> roots, Array<double> product, double variance)
    : outputs_(std::move(outputs)),
      roots_(std::move(roots)),
      product_(std::move(product)),
      variance_(variance),
      factor_(factored(product_, variance)) {}

Laplace::Laplace(const AnyMatrix& kernel, const Doubles& outputs, double variance)
    : Laplace(checked(outputs), roots_of(checked(outputs)), product_of(kernel, roots_of(checked(outputs))), variance) {}

Laplace Laplace::with_variance(double variance) const { return Laplace(outputs_, roots_, product_, variance); }

Laplace Laplace::most_likely(double norm) const {
  if (!(norm > 0) || !std::isfinite(norm))
    throw option_error("[laplace] the norm of the parameters, " + std::to_string(norm) +
                       ", must be positive and finite.");
  const std::vector<double> m = eigenvalues(product_);
  if (!(m.back() > 0)) throw numerical_error("[laplace] the kernel is zero: every variance explains the labels alike.");
  // The number of determined parameters rises with the variance, and norm / v falls: they meet once.
  const auto excess = [&](double log_variance) {
    const double v = std::exp(log_variance);
    double determined = 0;
    for (const double value : m) determined += v * std::max(0.0, value) / (1 + v * std::max(0.0, value));
    return determined - norm / v;
  };
  // At most all eigenvalues count one each; from 1 / m on, the largest counts at least a half.
  const double low = std::log(norm / static_cast<double>(m.size())), high = std::log(std::max(1 / m.back(), 2 * norm));
  std::uintmax_t steps = 200;
  const auto found = boost::math::tools::toms748_solve(excess, low - 1, high + 1,
                                                       boost::math::tools::eps_tolerance<double>(40), steps);
  return with_variance(std::exp((found.first + found.second) / 2));
}

double Laplace::log_evidence(const std::vector<std::size_t>& labels, double norm) const {
  const double misfit = cross_entropy(Var<double>(outputs_), labels, Reduction::sum).value().item();
  return -misfit - norm / (2 * variance_) - log_determinant() / 2;
}

Array<double> Laplace::covariances(const AnyMatrix& kernel_new, const Doubles& blocks_new) const {
  const std::size_t n = roots_.shape()[0], o = roots_.shape()[1];
  const std::size_t m = blocks_new.rank() ? blocks_new.shape()[0] : 0;
  Array<double> out;
  if (blocks_new.shape() == Shape{m})
    out = block_identities(blocks_new, o);
  else
    out = blocks_new;
  if (!(out.shape() == Shape{m, o, o}))
    throw shape_error("[laplace] blocks_new " + to_string(blocks_new.shape()) + ", expected " +
                      to_string(Shape{m, o, o}) + " or " + to_string(Shape{m}) + ".");
  out = (Var<double>(out) * variance_).value();
  // The rows of a point are those of its outputs.
  const Array<double> rows = factor_.whitened(times_root(of_outputs(kernel_new, m, n, o), roots_));
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < m; ++i) {
    kernels::symmetric_product(o, n * o, -variance_ * variance_, rows.data() + i * o * n * o, n * o, to + i * o * o, o);
    kernels::mirror_lower(o, to + i * o * o);
  }
  return out;
}

}  // namespace xtangent::ntk
