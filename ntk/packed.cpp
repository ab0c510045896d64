#include "ntk/packed.hpp"

#include <algorithm>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t rows_at_once = 256;

}  // namespace

PackedKernel::PackedKernel(std::size_t n, Array<double> values) : n_(n), values_(std::move(values)) {
  if (values_.size() != n * (n + 1) / 2)
    throw shape_error("[PackedKernel] " + std::to_string(values_.size()) + " values for a kernel of order " +
                      std::to_string(n) + ", which has n (n + 1) / 2.");
}

double PackedKernel::operator()(std::size_t i, std::size_t j) const {
  if (i >= n_ || j >= n_)
    throw shape_error("[PackedKernel] entry (" + std::to_string(i) + ", " + std::to_string(j) +
                      ") is outside of a kernel of order " + std::to_string(n_) + ".");
  const auto [low, high] = std::minmax(i, j);
  return values_[start_of_row(n_, low) + high - low];
}

Array<double> PackedKernel::dense() const {
  Array<double> out({n_, n_});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < n_; ++i)
    kernels::copy_runs(1, n_ - i, values_.data() + start_of_row(n_, i), 0, to + i * n_ + i, 0);
  kernels::mirror_upper(n_, to);
  return out;
}

LinearMap PackedKernel::map() const {
  return {n_, [n = n_, values = values_](const Array<double>& u) {
            const std::size_t m = u.shape()[1];
            Array<double> out = Array<double>::zeros(u.shape());
            for (std::size_t first = 0; first < n; first += rows_at_once) {
              const std::size_t rows = std::min(rows_at_once, n - first), width = n - first;
              Array<double> panel({rows, width});
              double* p = panel.mutable_data();
              for (std::size_t i = 0; i < rows; ++i) {
                kernels::copy_runs(1, width - i, values.data() + start_of_row(n, first + i), 0, p + i * width + i, 0);
                for (std::size_t j = 0; j < i; ++j) p[i * width + j] = p[j * width + i];
              }
              double* to = out.mutable_data() + first * m;
              kernels::gemm(false, false, rows, m, width, 1.0, p, width, u.data() + first * m, m, 1.0, to, m);
              if (width > rows)
                kernels::gemm(true, false, width - rows, m, rows, 1.0, p + rows, width, u.data() + first * m, m, 1.0,
                              to + rows * m, m);
            }
            return out;
          }};
}

}  // namespace xtangent::ntk
