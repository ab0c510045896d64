#include "ntk/algebra/refinement.hpp"

#include <limits>
#include <numbers>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "ntk/algebra/conjugate_gradients.hpp"

namespace xtangent::ntk {
namespace {

using Solve = std::function<Array<double>(const Array<double>&)>;
using Residual = std::function<Array<double>(const Array<double>&, const Array<double>&)>;

[[noreturn]] void overflows(const char* who) {
  throw numerical_error(std::string("[") + who + "] the solution overflows. Multiply the kernel or y by a number.");
}

// The error of a factor in float matters in few directions. Plain refinement shrinks all of it by the same factor in
// each step, while conjugate gradients learn those directions. They stop as soon as their recursion has nothing left:
// what the exact residual has then is rounding. No column reaches the tolerance before, so that all leave together.
Array<double> by_conjugate_gradients(const char* who, const Array<double>& y, std::size_t most, const Solve& solve,
                                     const Residual& residual) {
  constexpr double nothing = 1e-13, unreachable = 1e-30;
  const Array<double> start = solve(y);
  if (!all_finite(start)) overflows(who);
  if (most == 0 || y.size() == 0) return start;
  const LinearMap map{y.shape()[0], [&](const Array<double>& u) {
                        const Array<double> missed = residual(u, Array<double>::zeros(u.shape()));
                        Array<double> out = Array<double>::zeros(u.shape());
                        kernels::axpy(out.size(), -1.0, missed.data(), out.mutable_data());
                        return out;
                      }};
  const auto go_on = [](const ConjugateGradientProgress& now) { return now.residual > nothing; };
  return conjugate_gradients(
             map, y, solve,
             {.tolerance = unreachable, .max_iterations = most, .start = start, .progress = go_on, .partial = true})
      .x;
}

}  // namespace

Array<double> refined(const char* who, const Array<double>& y, std::size_t n, std::size_t most, bool single,
                      const std::function<Array<double>(const Array<double>& y)>& solve,
                      const std::function<Array<double>(const Array<double>& x, const Array<double>& y)>& residual) {
  if (single) {
    // Inner products of tiny columns would vanish.
    const Array<double> out = in_scaled_columns<double>(y, n, 1, [&](double* d, std::size_t) {
      Array<double> scaled(y.shape());
      std::copy_n(d, y.size(), scaled.mutable_data());
      const Array<double> x = by_conjugate_gradients(who, scaled, most, solve, residual);
      std::copy_n(x.data(), x.size(), d);
    });
    if (!all_finite(out)) overflows(who);
    return out;
  }
  Array<double> x = solve(y);
  if (!all_finite(x)) overflows(who);
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
