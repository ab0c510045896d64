#include "ntk/algebra/cholesky.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "autodiff/error.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/refinement.hpp"

namespace xtangent::ntk {
namespace {

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

}  // namespace

template <class T>
Cholesky<T>::Cholesky(Array<T> matrix, Options options) : refinements_(options.refinements) {
  check_symmetric("cholesky", matrix);
  check_ridge("cholesky", options.ridge);
  const std::size_t n = matrix.shape()[0];
  for (std::size_t i = 0; i < n; ++i) diagonal_.push_back(static_cast<double>(matrix[i * n + i]));
  ridge_ = absolute_ridge(diagonal_, options.ridge, options.relative);
  for (double& d : diagonal_) d += ridge_;
  storage_ = std::move(matrix);
  check_resolved<T>("cholesky", diagonal_);
  check_pivots(0, factor_rows(0, n));
  size_ = n;
}

// Computes rows [first, last) of L from the rows of L above and from K in the upper triangle. Returns 0, or 1 + the row
// that failed.
template <class T>
std::size_t Cholesky<T>::factor_rows(std::size_t first, std::size_t last) {
  const std::size_t ld = stride();
  T* a = storage_.mutable_data();
  kernels::mirror_upper(first, last, diagonal_.data(), a, ld);
  T* corner = a + first * ld + first;
  kernels::triangular_solve_rows(first, a, ld, last - first, a + first * ld, ld);
  kernels::symmetric_product(last - first, first, T(-1), a + first * ld, ld, corner, ld);
  const std::size_t failed = kernels::cholesky(last - first, corner, ld);
  return failed ? first + failed : 0;
}

template <class T>
void Cholesky<T>::check_pivots(std::size_t first, std::size_t failed) {
  const std::size_t n = diagonal_.size(), ld = stride();
  if (failed) {
    // LAPACK works in blocks and has finished only a part of the block in which it fails.
    factor_rows(first, failed - 1);
    refuse(failed - 1);
  }
  std::size_t worst = n;
  double least = pivot_rounding<T>(n);
  for (std::size_t i = first; i < n; ++i) {
    const double l = static_cast<double>(storage_[i * ld + i]);
    if (l * l <= least * diagonal_[i]) {
      least = l * l / diagonal_[i];
      worst = i;
    }
  }
  if (worst < n) refuse(worst);
}

// Throws the error that K is not positive definite at a row. The rows above are factored.
template <class T>
void Cholesky<T>::refuse(std::size_t row) const {
  // K(row, above) K(above, above)^-1 are the coefficients of this row in those above it. If they are e_j, the row
  // repeats row j.
  const std::size_t ld = stride(), n = diagonal_.size();
  Array<T> weights({row, 1});
  double pivot = diagonal_[row];
  if (row > 0) {
    T* w = weights.mutable_data();
    kernels::copy_runs(row, 1, storage_.data() + row, ld, w, 1);
    kernels::triangular_solve(false, row, storage_.data(), ld, 1, w, 1);
    for (std::size_t i = 0; i < row; ++i) pivot -= static_cast<double>(w[i]) * static_cast<double>(w[i]);
    kernels::triangular_solve(true, row, storage_.data(), ld, 1, w, 1);
  }
  std::size_t twin = row;
  double rest = 0;
  for (std::size_t i = 0; i < row; ++i) {
    const double w = static_cast<double>(weights[i]);
    if (twin == row && std::abs(w - 1) < 1e-3)
      twin = i;
    else
      rest += std::abs(w);
  }
  const double mean = mean_of(diagonal_) - ridge_;
  const double needed = 10 * std::max(pivot_rounding<T>(n) * diagonal_[row], -pivot);
  std::ostringstream text;
  text << "[cholesky] the kernel of order " << n << " is not positive definite: the smallest pivot is " << pivot
       << ", at row " << row << ", whose diagonal entry is " << diagonal_[row] << ". ";
  if (twin < row && rest < 1e-2)
    text << "Row " << row << " repeats row " << twin << ": remove duplicate examples";
  else if (-pivot > 1e-3 * std::abs(diagonal_[row]))
    text << "That is more than rounding: check that it is the kernel between one set of examples and itself";
  else
    text << "Row " << row
         << " depends on those above it: remove duplicate examples, use a network with at least as many "
         << "parameters as rows";
  if (mean > 0)
    text << ", or add a ridge, such as " << std::pow(10.0, std::ceil(std::log10((ridge_ + needed) / mean)))
         << " of the mean of the diagonal (" << mean << ")";
  text << ".";
  throw numerical_error(text.str());
}

template <class T>
typename Cholesky<T>::Pivot Cholesky<T>::smallest_pivot() const {
  Pivot out{0, 0};
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < size_; ++i) {
    const double l = static_cast<double>(storage_[i * stride() + i]);
    if (l * l / diagonal_[i] < least) {
      least = l * l / diagonal_[i];
      out = {l * l, i};
    }
  }
  return out;
}

template <class T>
double Cholesky<T>::log_determinant() const {
  return log_determinants()[size_ - 1];
}

template <class T>
Array<double> Cholesky<T>::log_determinants() const {
  Array<double> out({size_});
  double sum = 0;
  for (std::size_t i = 0; i < size_; ++i)
    out.mutable_data()[i] = sum += 2 * std::log(static_cast<double>(storage_[i * stride() + i]));
  return out;
}

template <class T>
Array<T> Cholesky<T>::matrix() const {
  std::vector<double> diagonal = diagonal_;
  for (double& d : diagonal) d -= ridge_;
  Array<T> out({size_, size_});
  kernels::copy_runs(size_, size_, storage_.data(), stride(), out.mutable_data(), size_);
  kernels::mirror_upper(0, size_, diagonal.data(), out.mutable_data(), size_);
  return out;
}

template <class T>
Array<double> Cholesky<T>::solve_unrefined(const Array<double>& y) const {
  check_rhs("cholesky solve", y, size_);
  return in_scaled_columns<T>(
      y, size_, *std::max_element(diagonal_.begin(), diagonal_.end()), [&](T* d, std::size_t columns) {
        for (bool transpose : {false, true})
          kernels::triangular_solve(transpose, size_, storage_.data(), stride(), columns, d, columns);
      });
}

template <class T>
Array<double> Cholesky<T>::solve(const Array<double>& y) const {
  return refined(
      "cholesky solve", y, size_, refinements_, std::is_same_v<T, float>,
      [&](const Array<double>& r) { return solve_unrefined(r); },
      [&](const Array<double>& x, const Array<double>& right) { return residual(x, right); });
}

template <class T>
Array<double> Cholesky<T>::log_evidence(const Array<double>& y, const Array<double>& x) const {
  check_rhs("cholesky evidence", y, size_);
  if (x.defined() && !(x.shape() == y.shape()))
    throw shape_error("[cholesky evidence] x " + to_string(x.shape()) + " and y " + to_string(y.shape()) + " differ.");
  return log_evidences(y, x.defined() ? x : solve(y), size_, log_determinant());
}

template <class T>
Array<double> Cholesky<T>::residual(const Array<double>& x, const Array<double>& y) const {
  check_rhs("cholesky residual", y, size_);
  if (!(x.shape() == y.shape()))
    throw shape_error("[cholesky residual] x " + to_string(x.shape()) + " and y " + to_string(y.shape()) + " differ.");
  Array<double> r(y.shape());
  kernels::residual_upper(size_, storage_.data(), stride(), diagonal_.data(), y.size() / size_, x.data(), y.data(),
                          r.mutable_data());
  return r;
}

template <class T>
Array<T> Cholesky<T>::whitened(Array<T> b) const {
  if (b.rank() != 2 || b.shape()[1] != size_)
    throw shape_error("[cholesky whitened] rows " + to_string(b.shape()) + " for a kernel of order " +
                      std::to_string(size_) + ".");
  kernels::triangular_solve_rows(size_, storage_.data(), stride(), b.shape()[0], b.mutable_data(), size_);
  return b;
}

template <class T>
Array<double> Cholesky<T>::inverse_diagonal(std::size_t block) const {
  if (block == 0 || size_ % block != 0)
    throw shape_error("[cholesky inverse_diagonal] blocks of " + std::to_string(block) + " do not divide the order " +
                      std::to_string(size_) + ".");
  Array<double> out = Array<double>::zeros({size_ / block, block, block});
  // The columns of L^-1 come a panel of whole blocks at a time. What is above the panel is zero.
  const std::size_t panel = block * std::max<std::size_t>(1, 64 / block);
  for (std::size_t first = 0; first < size_; first += panel) {
    const std::size_t columns = std::min(panel, size_ - first), rows = size_ - first;
    Array<T> inverse = Array<T>::zeros({rows, columns});
    for (std::size_t i = 0; i < columns; ++i) inverse.mutable_data()[i * columns + i] = T(1);
    kernels::triangular_solve(false, rows, storage_.data() + first * (stride() + 1), stride(), columns,
                              inverse.mutable_data(), columns);
    kernels::add_block_grams(rows, columns, block, inverse.data(), out.mutable_data() + first * block);
  }
  return out;
}

template <class T>
void Cholesky<T>::reserve(std::size_t n) {
  if (n <= stride()) return;
  Array<T> larger({n, n});
  kernels::copy_runs(size_, size_, storage_.data(), stride(), larger.mutable_data(), n);
  storage_ = std::move(larger);
}

template <class T>
void Cholesky<T>::append(const Array<T>& cross, const Array<T>& corner) {
  check_symmetric("cholesky append", corner);
  const std::size_t m = corner.shape()[0];
  if (!(cross.shape() == Shape{m, size_}))
    throw shape_error("[cholesky append] cross " + to_string(cross.shape()) + ", expected " +
                      to_string(Shape{m, size_}) + ": the kernel between the new rows and those that are there.");
  if (!all_finite(cross)) throw numerical_error("[cholesky append] the new rows hold NaN or infinity.");
  if (size_ + m > stride()) reserve(std::max(size_ + m, stride() + stride() / 2));
  const std::size_t ld = stride();
  T* a = storage_.mutable_data();
  Array<T> columns({size_, m});
  kernels::transpose(cross.shape(), {1, 0}, cross.data(), columns.mutable_data());
  kernels::copy_runs(size_, m, columns.data(), m, a + size_, ld);
  kernels::copy_runs(m, m, corner.data(), m, a + size_ * (ld + 1), ld);
  for (std::size_t i = 0; i < m; ++i) diagonal_.push_back(static_cast<double>(corner[i * m + i]) + ridge_);
  try {
    check_pivots(size_, factor_rows(size_, size_ + m));
  } catch (...) {
    diagonal_.resize(size_);
    throw;
  }
  size_ += m;
}

template <class T>
void Cholesky<T>::remove(std::size_t first, std::size_t count) {
  if (first + count < first || first + count > size_ || count >= size_)
    throw shape_error("[cholesky remove] rows " + std::to_string(first) + " to " + std::to_string(first + count) +
                      " of a kernel of order " + std::to_string(size_) + ". At least one row must stay.");
  for (std::size_t i = first + count; i-- > first;) {
    kernels::cholesky_remove(size_, i, storage_.mutable_data(), stride());
    diagonal_.erase(diagonal_.begin() + static_cast<std::ptrdiff_t>(i));
    --size_;
  }
}

template class Cholesky<float>;
template class Cholesky<double>;

}  // namespace xtangent::ntk
