#include "ntk/regression.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <vector>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/lapack.hpp"

namespace xtangent::ntk {

Regression::Regression(const Array<double>& kernel, Options options) {
  if (kernel.rank() != 2 || kernel.shape()[0] != kernel.shape()[1] || kernel.size() == 0)
    throw shape_error("[regression] the kernel must be square and not empty, got " + to_string(kernel.shape()) + ".");
  if (!all_finite(kernel)) throw numerical_error("[regression] the kernel holds NaN or infinity.");
  if (!(options.ridge >= 0) || !std::isfinite(options.ridge))
    throw numerical_error("[regression] the ridge must be finite and not negative.");
  size_ = kernel.shape()[0];
  factor_ = kernel.clone();
  double* a = factor_.mutable_data();
  double trace = 0;
  for (std::size_t i = 0; i < size_; ++i) trace += a[i * size_ + i];
  const double mean = trace / static_cast<double>(size_);
  ridge_ = options.relative ? options.ridge * mean : options.ridge;
  for (std::size_t i = 0; i < size_; ++i) a[i * size_ + i] += ridge_;
  std::vector<double> diagonal(size_);
  for (std::size_t i = 0; i < size_; ++i) diagonal[i] = a[i * size_ + i];
  const std::size_t failed = kernels::cholesky(size_, a);
  // A pivot below the rounding of what was subtracted from it is as good as zero, whatever its sign.
  const double rounding = static_cast<double>(size_) * std::numeric_limits<double>::epsilon();
  std::size_t row = failed ? failed - 1 : size_;
  for (std::size_t i = 0; !failed && i < size_; ++i)
    if (a[i * size_ + i] * a[i * size_ + i] <= rounding * diagonal[i]) {
      row = i;
      break;
    }
  if (row == size_) return;
  const double pivot = failed ? a[row * size_ + row] : a[row * size_ + row] * a[row * size_ + row];
  std::ostringstream text;
  text << "[regression] the kernel of order " << size_ << " is not positive definite: pivot " << pivot << " at row " << row
       << ", whose diagonal entry is " << diagonal[row] << ". Remove duplicate examples, use a network with at least as many "
       << "parameters as rows, or add a ridge, such as 1e-6 of the mean of the diagonal (" << mean << ").";
  throw numerical_error(text.str());
}

Array<double> Regression::solve(const Array<double>& y) const {
  if (y.rank() < 1 || y.rank() > 2 || y.shape()[0] != size_)
    throw shape_error("[regression solve] right-hand side " + to_string(y.shape()) + " for a kernel of order " +
                      std::to_string(size_) + ".");
  Array<double> x = y.clone();
  kernels::cholesky_solve(size_, factor_.data(), x.size() / size_, x.mutable_data());
  return x;
}

Array<double> Regression::predict(const Array<double>& kernel_new, const Array<double>& y, const Array<double>& f0,
                                  const Array<double>& f0_new) const {
  if (y.rank() != 2 || !(y.shape() == f0.shape()) || f0_new.rank() != 2 || f0_new.shape()[1] != y.shape()[1])
    throw shape_error("[regression predict] y " + to_string(y.shape()) + " and f0 " + to_string(f0.shape()) +
                      " must be (N, O), f0_new " + to_string(f0_new.shape()) + " (M, O).");
  const std::size_t n = y.shape()[0], o = y.shape()[1], m = f0_new.shape()[0];
  const bool full = size_ == n * o && (o > 1 || size_ != n);
  if (!full && size_ != n)
    throw shape_error("[regression predict] y " + to_string(y.shape()) + " fits neither N = " + std::to_string(size_) +
                      " rows (pNTK) nor N O = " + std::to_string(size_) + " entries (eNTK).");
  const std::size_t rows = full ? m * o : m, columns = full ? 1 : o;
  if (!(kernel_new.shape() == Shape{rows, size_}))
    throw shape_error("[regression predict] kernel_new " + to_string(kernel_new.shape()) + ", expected " +
                      to_string(Shape{rows, size_}) + ".");
  Array<double> residual(y.shape());
  kernels::binary(kernels::Binary::subtract, y.shape(), y.data(), y.shape(), f0.data(), f0.shape(), residual.mutable_data());
  const Array<double> weights = solve(residual.reshaped({size_, columns}));
  Array<double> out = f0_new.clone();
  kernels::gemm(false, false, rows, columns, size_, 1.0, kernel_new.data(), size_, weights.data(), columns, 1.0,
                out.mutable_data(), columns);
  return out;
}

}  // namespace xtangent::ntk
