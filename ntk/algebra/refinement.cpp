#include "ntk/algebra/refinement.hpp"

#include <limits>
#include <numbers>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/elementwise.hpp"

namespace xtangent::ntk {

Array<double> refined(const char* who, const Array<double>& y, std::size_t n, std::size_t most,
                      const std::function<Array<double>(const Array<double>& y)>& solve,
                      const std::function<Array<double>(const Array<double>& x, const Array<double>& y)>& residual) {
  Array<double> x = solve(y);
  if (!all_finite(x))
    throw numerical_error(std::string("[") + who + "] the solution overflows. Multiply the kernel or y by a number.");
  const std::size_t columns = y.size() / n;
  if (most == 0 || columns == 0) return x;
  std::vector<double> size_y(columns), size_r(columns);
  kernels::column_maxima(n, columns, y.data(), size_y.data());
  // The residual of the worst column, relative to its y.
  const auto size_of = [&](const Array<double>& r) {
    kernels::column_maxima(n, columns, r.data(), size_r.data());
    double worst = 0;
    for (std::size_t c = 0; c < columns; ++c)
      if (size_y[c] > 0) worst = std::max(worst, size_r[c] / size_y[c]);
    return worst;
  };
  Array<double> r = residual(x, y);
  double last = size_of(r);
  for (std::size_t step = 0; step < most && last > 4 * std::numeric_limits<double>::epsilon(); ++step) {
    Array<double> moved = solve(r);
    kernels::axpy(x.size(), 1.0, x.data(), moved.mutable_data());
    r = residual(moved, y);
    const double now = size_of(r);
    if (!(now < last)) break;
    x = std::move(moved);
    if (now > last / 2) break;
    last = now;
  }
  return x;
}

Array<double> log_evidences(const Array<double>& y, const Array<double>& x, std::size_t n, double log_determinant) {
  const std::size_t columns = y.size() / n;
  Array<double> out({columns});
  kernels::column_dots(n, columns, y.data(), x.data(), out.mutable_data());
  const double rest = log_determinant + static_cast<double>(n) * std::log(2 * std::numbers::pi);
  for (std::size_t c = 0; c < columns; ++c) out.mutable_data()[c] = -(out[c] + rest) / 2;
  return out;
}

}  // namespace xtangent::ntk
