#include "ntk/regression.hpp"

#include <algorithm>

#include "autodiff/error.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"

namespace xtangent::ntk {

Array<double> predict(const AnyMatrix& kernel_new, const Doubles& weights, const Doubles& f0_new) {
  if (weights.rank() != 2 || f0_new.rank() != 2 || f0_new.shape()[1] != weights.shape()[1])
    throw shape_error("[predict] weights " + to_string(weights.shape()) + " must be (N, O), f0_new " +
                      to_string(f0_new.shape()) + " (M, O).");
  const std::size_t n = weights.shape()[0], o = weights.shape()[1], m = f0_new.shape()[0];
  const bool full = !(kernel_new.shape() == Shape{m, n});
  if (full && !(kernel_new.shape() == Shape{m * o, n * o}))
    throw shape_error("[predict] kernel_new " + to_string(kernel_new.shape()) + ", expected " + to_string(Shape{m, n}) +
                      " (pNTK) or " + to_string(Shape{m * o, n * o}) +
                      " (eNTK): new points in rows, training points in columns.");
  const std::size_t per_row = full ? o : 1;
  Array<double> out = f0_new.clone();
  kernel_new.visit([&](const auto& k) {
    kernels::gemm_widened(m * per_row, o / per_row, n * per_row, 1.0, k.data(), n * per_row, weights.data(),
                          out.mutable_data());
  });
  return out;
}

template <class T>
Array<double> Regression<T>::weights(const Doubles& y, const Doubles& f0) const {
  const std::size_t columns = columns_of_targets("regression", y, f0, size());
  Array<double> residual(y.shape());
  kernels::binary(kernels::Binary::subtract, y.shape(), y.data(), y.shape(), f0.data(), f0.shape(),
                  residual.mutable_data());
  return solve(residual.reshaped({size(), columns})).reshaped(y.shape());
}

template <class T>
Array<double> Regression<T>::predict(const AnyMatrix& kernel_new, const Doubles& y, const Doubles& f0,
                                     const Doubles& f0_new) const {
  return ntk::predict(kernel_new, weights(y, f0), f0_new);
}

template <class T>
Array<double> Regression<T>::posterior_variance(const Array<T>& kernel_new, const Doubles& variance_new) const {
  if (kernel_new.rank() != 2 || !(variance_new.shape() == Shape{kernel_new.shape()[0]}))
    throw shape_error("[posterior_variance] kernel_new " + to_string(kernel_new.shape()) + " and variance_new " +
                      to_string(variance_new.shape()) + ", expected (M, " + std::to_string(size()) + ") and (M,).");
  const Array<T> rows = factor_.whitened(kernel_new);
  Array<double> out(variance_new.shape());
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T* row = rows.data() + i * size();
    to[i] = std::max(0.0, variance_new[i] - kernels::loops<T>().dot(size(), row, row));
  }
  return out;
}

template <class T>
Array<double> Regression<T>::posterior_covariance(const Array<T>& kernel_new, const Doubles& covariance_new) const {
  check_symmetric("posterior_covariance", covariance_new);
  const std::size_t m = covariance_new.shape()[0];
  if (!(kernel_new.shape() == Shape{m, size()}))
    throw shape_error("[posterior_covariance] kernel_new " + to_string(kernel_new.shape()) + ", expected " +
                      to_string(Shape{m, size()}) + ".");
  const Array<double> wide = converted<double>(factor_.whitened(kernel_new));
  Array<double> out = covariance_new.clone();
  kernels::symmetric_product(m, size(), -1.0, wide.data(), size(), out.mutable_data(), m);
  kernels::mirror_lower(m, out.mutable_data());
  return out;
}

template <class T>
Array<double> Regression<T>::leave_one_out(const Doubles& y, const Doubles& f0) const {
  const Array<double> w = weights(y, f0);
  const std::size_t n = y.shape()[0], columns = columns_of_targets("leave_one_out", y, f0, size());
  const std::size_t block = size() / n;
  // The error y_i - f_i of the prediction without example i is the inverse of its block of K^-1 times its part of the
  // weights.
  Array<double> blocks = factor_.inverse_diagonal(block), errors = w.clone(), out(y.shape());
  for (std::size_t i = 0; i < n; ++i) {
    double* a = blocks.mutable_data() + i * block * block;
    double* b = errors.mutable_data() + i * block * columns;
    if (kernels::cholesky(block, a, block) != 0)
      throw numerical_error("[leave_one_out] the kernel is singular to rounding at example " + std::to_string(i) +
                            ". Add a ridge.");
    kernels::triangular_solve(false, block, a, block, columns, b, columns);
    kernels::triangular_solve(true, block, a, block, columns, b, columns);
  }
  kernels::binary(kernels::Binary::subtract, y.shape(), y.data(), y.shape(), errors.data(), y.shape(),
                  out.mutable_data());
  return out;
}

template <class T>
double Regression<T>::generalized_cross_validation(const Doubles& y, const Doubles& f0) const {
  // I - H = ridge (K + ridge I)^-1, and the ridge cancels in the quotient.
  const Array<double> w = weights(y, f0), inverse = factor_.inverse_diagonal();
  const double columns = static_cast<double>(w.size()) / static_cast<double>(size());
  const double trace = kernels::loops<double>().sum(inverse.size(), inverse.data());
  const double squares = kernels::loops<double>().dot(w.size(), w.data(), w.data());
  return static_cast<double>(size()) * squares / columns / (trace * trace);
}

template class Regression<float>;
template class Regression<double>;

}  // namespace xtangent::ntk
