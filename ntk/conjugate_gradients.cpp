#include "ntk/conjugate_gradients.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/columns.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/checks.hpp"

namespace xtangent::ntk {
namespace {

using Matrix = Array<double>;

constexpr std::size_t patience = 3;  // starts of a column that may fail to halve its residual

class Solver {
 public:
  Solver(const LinearMap& map, const Matrix& b, const Preconditioner& preconditioner,
         const ConjugateGradientOptions& options)
      : map_(map), preconditioner_(preconditioner), options_(options), n_(map.size), columns_(b.size() / map.size) {
    const Shape shape{n_, columns_};
    b_ = b.reshaped(shape);
    x_ = options.start.defined() ? options.start.reshaped(shape).clone() : Matrix::zeros(shape);
    size_b_ = roots(dots(b_, b_));
    result_.iterations.assign(columns_, 0);
    failures_.assign(columns_, 0);
    best_.assign(columns_, std::numeric_limits<double>::infinity());
    result_.residuals.assign(columns_, 0);
  }

  ConjugateGradientResult run() {
    std::vector<std::size_t> all(columns_);
    std::iota(all.begin(), all.end(), std::size_t(0));
    begin(all, {});
    std::size_t iteration = 0;
    bool stopped = false;
    while (!active_.empty() && !stopped && iteration < options_.max_iterations) {
      ++iteration;
      step(iteration);
      const std::vector<double> sizes = relative(r_, active_);
      if (options_.progress)
        stopped = !options_.progress({iteration, *std::max_element(sizes.begin(), sizes.end()), active_.size()});
      std::vector<std::size_t> done, open;
      for (std::size_t j = 0; j < sizes.size(); ++j) (sizes[j] <= options_.tolerance ? done : open).push_back(j);
      if (!done.empty()) begin(taken(active_, done), open);
    }
    return finish(iteration, stopped);
  }

 private:
  std::vector<double> dots(const Matrix& a, const Matrix& b) const {
    std::vector<double> out(a.size() / n_);
    kernels::column_dots(n_, out.size(), a.data(), b.data(), out.data());
    return out;
  }
  static std::vector<double> roots(std::vector<double> x) {
    for (double& v : x) v = std::sqrt(v);
    return x;
  }
  // Columns of x at these places.
  Matrix picked(const Matrix& x, const std::vector<std::size_t>& places) const {
    Matrix out({n_, places.size()});
    kernels::gather(n_, x.shape()[1], 1, places, x.data(), out.mutable_data());
    return out;
  }
  Matrix beside(const Matrix& a, const Matrix& b) const {
    const std::size_t left = a.shape()[1], right = b.shape()[1];
    Matrix out({n_, left + right});
    kernels::copy_runs(n_, left, a.data(), left, out.mutable_data(), left + right);
    kernels::copy_runs(n_, right, b.data(), right, out.mutable_data() + left, left + right);
    return out;
  }
  template <class X>
  static std::vector<X> taken(const std::vector<X>& x, const std::vector<std::size_t>& places) {
    std::vector<X> out;
    for (std::size_t place : places) out.push_back(x[place]);
    return out;
  }
  Matrix product(const Matrix& u) {
    result_.products += u.size() / n_;
    Matrix out = map_(u);
    if (options_.ridge > 0) kernels::axpy(u.size(), options_.ridge, u.data(), out.mutable_data());
    return out;
  }
  Matrix preconditioned(const Matrix& r) const {
    if (!preconditioner_) return r;
    const Matrix z = preconditioner_(r);
    if (!(z.shape() == r.shape()))
      throw shape_error("[conjugate_gradients] the preconditioner made " + to_string(z.shape()) + " of columns " +
                        to_string(r.shape()) + ". It must keep the shape.");
    if (!all_finite(z)) throw numerical_error("[conjugate_gradients] the preconditioner made NaN or infinity.");
    return z;
  }
  // ||r|| / ||b|| of these columns; 0 where b is.
  std::vector<double> relative(const Matrix& r, const std::vector<std::size_t>& columns) const {
    std::vector<double> out = roots(dots(r, r));
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = size_b_[columns[j]] > 0 ? out[j] / size_b_[columns[j]] : 0;
    return out;
  }
  Matrix residual(const std::vector<std::size_t>& columns) {
    Matrix r = picked(b_, columns);
    const Matrix image = product(picked(x_, columns));
    kernels::axpy(r.size(), -1.0, image.data(), r.mutable_data());
    return r;
  }

  // Columns begin (again) from b - A x, beside the active ones at places `open`; those that have converged, or cannot
  // come nearer, leave.
  void begin(const std::vector<std::size_t>& columns, const std::vector<std::size_t>& open) {
    const Matrix r = residual(columns);
    const std::vector<double> sizes = relative(r, columns);
    std::vector<std::size_t> stay;
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const std::size_t column = columns[j];
      result_.residuals[column] = sizes[j];
      if (sizes[j] <= options_.tolerance) continue;
      if (sizes[j] > best_[column] / 2) ++failures_[column];
      best_[column] = std::min(best_[column], sizes[j]);
      if (failures_[column] < patience)
        stay.push_back(j);
      else
        stuck_ = true;
    }
    active_ = taken(active_, open);
    rz_ = taken(rz_, open);
    if (!active_.empty()) {
      r_ = picked(r_, open);
      p_ = picked(p_, open);
    } else {
      r_ = p_ = Matrix({n_, 0});
    }
    if (stay.empty()) return;
    const Matrix fresh = picked(r, stay), z = preconditioned(fresh);
    const std::vector<double> rz = dots(fresh, z);
    check_positive("preconditioner", "r^T M r", rz, 0);
    r_ = beside(r_, fresh);
    p_ = beside(p_, z);
    rz_.insert(rz_.end(), rz.begin(), rz.end());
    for (std::size_t j : stay) active_.push_back(columns[j]);
  }

  void step(std::size_t iteration) {
    const Matrix image = product(p_);
    const std::vector<double> curvature = dots(p_, image);
    check_positive("map", "p^T A p", curvature, iteration);
    std::vector<double> length, back;
    for (std::size_t j = 0; j < active_.size(); ++j) {
      length.push_back(rz_[j] / curvature[j]);
      back.push_back(-length[j]);
      ++result_.iterations[active_[j]];
    }
    kernels::add_columns_at(n_, columns_, active_, length.data(), p_.data(), x_.mutable_data());
    kernels::add_columns(n_, back.size(), back.data(), image.data(), r_.mutable_data());
    const Matrix z = preconditioned(r_);
    const std::vector<double> rz = dots(r_, z), rr = dots(r_, r_);
    std::vector<double> ratio;
    for (std::size_t j = 0; j < rz.size(); ++j) {
      if (rr[j] > 0) check_positive("preconditioner", "r^T M r", {rz[j]}, iteration);
      ratio.push_back(rz[j] / rz_[j]);
    }
    kernels::scale_add_columns(n_, ratio.size(), ratio.data(), z.data(), p_.mutable_data());
    rz_ = rz;
  }

  static void check_positive(const char* what, const char* form, const std::vector<double>& values,
                             std::size_t iteration) {
    for (double v : values)
      if (!(v > 0)) {
        std::ostringstream text;
        text << "[conjugate_gradients] the " << what << " is not positive definite: " << form << " is " << v
             << " in iteration " << iteration << ". Give a kernel of one set of examples with itself, or add a ridge.";
        throw numerical_error(text.str());
      }
  }

  ConjugateGradientResult finish(std::size_t iteration, bool stopped) {
    if (!active_.empty()) {
      const std::vector<double> sizes = relative(residual(active_), active_);
      for (std::size_t j = 0; j < active_.size(); ++j) result_.residuals[active_[j]] = sizes[j];
    }
    const double worst = *std::max_element(result_.residuals.begin(), result_.residuals.end());
    result_.converged = worst <= options_.tolerance;
    if (!result_.converged && !stopped && !options_.partial) {
      std::ostringstream text;
      text << "[conjugate_gradients] after " << iteration << " iterations the residual is " << worst << " of b, not "
           << options_.tolerance << ". "
           << (stuck_ ? "Rounding allows no more: raise tolerance, or add a ridge."
                      : "Raise max_iterations or tolerance, precondition, add a ridge, or take what there is with "
                        "partial.");
      throw numerical_error(text.str());
    }
    result_.x = x_;
    return std::move(result_);
  }

  const LinearMap& map_;
  const Preconditioner& preconditioner_;
  const ConjugateGradientOptions& options_;
  std::size_t n_, columns_;
  Matrix b_, x_;                     // all columns
  std::vector<std::size_t> active_;  // the columns that r, p and rz have
  Matrix r_, p_;
  std::vector<double> rz_, size_b_, best_;
  std::vector<std::size_t> failures_;
  bool stuck_ = false;
  ConjugateGradientResult result_;
};

}  // namespace

template <class T>
Preconditioner kronecker_preconditioner(Cholesky<T> pntk, std::size_t outputs) {
  if (outputs == 0) throw shape_error("[kronecker_preconditioner] no outputs.");
  return [factor = std::move(pntk), outputs](const Array<double>& u) {
    const std::size_t n = factor.size();
    if (u.rank() != 2 || u.shape()[0] != n * outputs)
      throw shape_error("[kronecker_preconditioner] columns " + to_string(u.shape()) + " for a pNTK of order " +
                        std::to_string(n) + " and " + std::to_string(outputs) + " outputs.");
    // Row n O + o of M columns is row n of O M columns.
    return factor.solve_unrefined(u.reshaped({n, outputs * u.shape()[1]})).reshaped(u.shape());
  };
}

namespace {

void check_arguments(const LinearMap& map, const Array<double>& b, const ConjugateGradientOptions& options) {
  if (!map.apply || map.size == 0) throw shape_error("[conjugate_gradients] the map is empty.");
  check_rhs("conjugate_gradients", b, map.size);
  if (options.start.defined() && !(options.start.shape() == b.shape()))
    throw shape_error("[conjugate_gradients] start " + to_string(options.start.shape()) + " for b " +
                      to_string(b.shape()) + ".");
  if (!(options.tolerance > 0) || !(options.ridge >= 0) || !std::isfinite(options.ridge))
    throw option_error("[conjugate_gradients] the tolerance must be positive, the ridge finite and not negative.");
}

// Rounds of iterations on an approximation of the map.
class Refinement {
 public:
  Refinement(const LinearMap& map, const Array<double>& b, const ConjugateGradientOptions& options)
      : map_(map), options_(options), shape_({map.size, b.size() / map.size}), b_(b.reshaped(shape_)) {
    result_.x = options.start.defined() ? options.start.reshaped(shape_).clone() : Array<double>::zeros(shape_);
    result_.iterations.assign(shape_[1], 0);
    size_b_ = norms(b_);
  }

  ConjugateGradientResult run(const LinearMap& approximation, const Preconditioner& preconditioner) {
    double before = std::numeric_limits<double>::infinity();
    std::size_t iterations = 0;
    bool stopped = false;
    while (true) {
      const Array<double> r = residual();
      const double worst = *std::max_element(result_.residuals.begin(), result_.residuals.end());
      result_.converged = worst <= options_.tolerance;
      const bool over = iterations >= options_.max_iterations || worst > before / 2;
      if (result_.converged || stopped || (over && options_.partial)) return std::move(result_);
      if (over) refuse(iterations, worst);
      before = worst;
      ConjugateGradientOptions inner = options_;
      inner.tolerance = std::clamp(options_.tolerance / worst / 2, 1e-3, 0.5);
      inner.max_iterations = options_.max_iterations - iterations;
      inner.start = {};
      inner.partial = true;
      if (options_.progress)
        inner.progress = [&](const ConjugateGradientProgress& p) {
          stopped = !options_.progress({iterations + p.iteration, p.residual * worst, p.columns});
          return !stopped;
        };
      const ConjugateGradientResult found = conjugate_gradients(approximation, r, preconditioner, inner);
      kernels::axpy(r.size(), 1.0, found.x.data(), result_.x.mutable_data());
      for (std::size_t j = 0; j < shape_[1]; ++j) result_.iterations[j] += found.iterations[j];
      iterations += *std::max_element(found.iterations.begin(), found.iterations.end());
      result_.products += found.products;
    }
  }

 private:
  std::vector<double> norms(const Array<double>& x) const {
    std::vector<double> out(shape_[1]);
    kernels::column_dots(shape_[0], shape_[1], x.data(), x.data(), out.data());
    for (double& v : out) v = std::sqrt(v);
    return out;
  }
  Array<double> residual() {
    Array<double> image = map_(result_.x);
    kernels::axpy(image.size(), options_.ridge, result_.x.data(), image.mutable_data());
    Array<double> r = b_.clone();
    kernels::axpy(r.size(), -1.0, image.data(), r.mutable_data());
    result_.residuals = norms(r);
    for (std::size_t j = 0; j < shape_[1]; ++j)
      result_.residuals[j] = size_b_[j] > 0 ? result_.residuals[j] / size_b_[j] : 0;
    return r;
  }
  [[noreturn]] void refuse(std::size_t iterations, double worst) const {
    std::ostringstream text;
    text << "[refined_conjugate_gradients] after " << iterations << " iterations the residual is " << worst
         << " of b, not " << options_.tolerance << ". "
         << (iterations >= options_.max_iterations
                 ? "Raise max_iterations or tolerance, precondition, add a ridge, or take what there is with partial."
                 : "The approximation is too far from the map: iterate on the map itself, or add a ridge.");
    throw numerical_error(text.str());
  }

  const LinearMap& map_;
  const ConjugateGradientOptions& options_;
  Shape shape_;
  Array<double> b_;
  std::vector<double> size_b_;
  ConjugateGradientResult result_;
};

}  // namespace

ConjugateGradientResult conjugate_gradients(const LinearMap& map, const Array<double>& b,
                                            const Preconditioner& preconditioner,
                                            const ConjugateGradientOptions& options) {
  check_arguments(map, b, options);
  if (b.size() == 0) return {.x = b, .residuals = {}, .iterations = {}, .converged = true};
  ConjugateGradientResult out = Solver(map, b, preconditioner, options).run();
  out.x = out.x.reshaped(b.shape());
  return out;
}

ConjugateGradientResult refined_conjugate_gradients(const LinearMap& map, const LinearMap& approximation,
                                                    const Array<double>& b, const Preconditioner& preconditioner,
                                                    const ConjugateGradientOptions& options) {
  check_arguments(map, b, options);
  if (approximation.size != map.size)
    throw shape_error("[refined_conjugate_gradients] a map of order " + std::to_string(map.size) +
                      " and an approximation of order " + std::to_string(approximation.size) + ".");
  if (b.size() == 0) return {.x = b, .residuals = {}, .iterations = {}, .converged = true};
  ConjugateGradientResult out = Refinement(map, b, options).run(approximation, preconditioner);
  out.x = out.x.reshaped(b.shape());
  return out;
}

template Preconditioner kronecker_preconditioner(Cholesky<float>, std::size_t);
template Preconditioner kronecker_preconditioner(Cholesky<double>, std::size_t);

}  // namespace xtangent::ntk
