#include "ntk/algebra/conjugate_gradients.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/columns.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {
namespace {

using Matrix = Array<double>;

constexpr std::size_t patience = 3;  // exact residuals of a column that may fail to halve before it leaves
constexpr double renewal = 0.3;      // share of the largest residual since the last exact one at which the next is due
constexpr std::size_t misses = 2;    // exact residuals above twice the recursion's that end an approximation's use

// If steps use an approximation of the map, residuals are computed exactly from time to time, and directions are kept.
class Solver {
 public:
  Solver(const LinearMap& map, const LinearMap* approximation, const Matrix& b, const Preconditioner& preconditioner,
         const ConjugateGradientOptions& options)
      : map_(map),
        approximation_(approximation),
        preconditioner_(preconditioner),
        options_(options),
        n_(map.size),
        columns_(b.size() / map.size) {
    const Shape shape{n_, columns_};
    b_ = b.reshaped(shape);
    x_ = options.start.defined() ? options.start.reshaped(shape).clone() : Matrix::zeros(shape);
    size_b_ = roots(dots(b_, b_));
    check_sizes();
    for (std::size_t j = 0; j < columns_; ++j)  // where b is 0, so is x, wherever it was to start
      for (std::size_t i = 0; size_b_[j] == 0 && i < n_; ++i) x_.mutable_data()[i * columns_ + j] = 0;
    result_.iterations.assign(columns_, 0);
    failures_.assign(columns_, 0);
    goals_.assign(columns_, options.tolerance);
  }

  ConjugateGradientResult run() {
    begin();
    std::size_t iteration = 0;
    bool stopped = false;
    while (!active_.empty() && !stopped && iteration < options_.max_iterations) {
      step(++iteration);
      const std::vector<double> sizes = relative(r_, active_);
      if (options_.progress)
        stopped = !options_.progress({iteration, *std::max_element(sizes.begin(), sizes.end()), active_.size()});
      if (stopped) break;
      renew(sizes);
      if (!active_.empty()) turn(iteration);
    }
    return finish(iteration, stopped);
  }

 private:
  std::vector<double> dots(const Matrix& a, const Matrix& b) const {
    std::vector<double> out(a.size() / n_);
    kernels::column_dots(n_, out.size(), a.data(), b.data(), out.data());
    if (options_.ranks) options_.ranks->all_reduce(out);
    return out;
  }
  // Those of two pairs with as many columns, in one message.
  std::array<std::vector<double>, 2> dots(const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d) const {
    const std::size_t m = a.size() / n_;
    std::vector<double> both(2 * m);
    kernels::column_dots(n_, m, a.data(), b.data(), both.data());
    kernels::column_dots(n_, m, c.data(), d.data(), both.data() + m);
    if (options_.ranks) options_.ranks->all_reduce(both);
    const auto middle = both.begin() + static_cast<std::ptrdiff_t>(m);
    return {std::vector<double>(both.begin(), middle), std::vector<double>(middle, both.end())};
  }
  // All ranks throw, or none does.
  void check_sizes() const {
    std::vector<double> entries(columns_, 0.0);  // how many are not 0, where their squares vanish
    bool vanish = false;
    for (std::size_t j = 0; j < columns_; ++j) {
      if (!std::isfinite(size_b_[j])) refuse(j, "not finite, or too large to be squared");
      if (size_b_[j] > 0) continue;
      vanish = true;
      for (std::size_t i = 0; i < n_; ++i) entries[j] += b_[i * columns_ + j] != 0 ? 1 : 0;
    }
    if (vanish && options_.ranks) options_.ranks->all_reduce(entries);
    for (std::size_t j = 0; j < columns_; ++j)
      if (entries[j] > 0) refuse(j, "too small to be squared");
  }
  [[noreturn]] static void refuse(std::size_t column, const char* why) {
    throw numerical_error("[conjugate_gradients] entries of column " + std::to_string(column) + " of b are " + why +
                          ". Scale b.");
  }
  static std::vector<double> roots(std::vector<double> x) {
    for (double& v : x) v = std::sqrt(v);
    return x;
  }
  // The columns of x at these places.
  Matrix picked(const Matrix& x, const std::vector<std::size_t>& places) const {
    Matrix out({n_, places.size()});
    kernels::gather(n_, x.shape()[1], 1, places, x.data(), out.mutable_data());
    return out;
  }
  template <class X>
  static std::vector<X> taken(const std::vector<X>& x, const std::vector<std::size_t>& places) {
    std::vector<X> out;
    for (std::size_t place : places) out.push_back(x[place]);
    return out;
  }
  Matrix product(const LinearMap& map, const Matrix& u) const {
    Matrix out = map(u);
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
  // ||r|| / ||b|| of these columns, or 0 where b is 0.
  std::vector<double> relative(const Matrix& r, const std::vector<std::size_t>& columns) const {
    std::vector<double> out = roots(dots(r, r));
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = size_b_[columns[j]] > 0 ? out[j] / size_b_[columns[j]] : 0;
    return out;
  }
  // b - A x
  //
  Matrix residual(const std::vector<std::size_t>& columns) {
    Matrix r = picked(b_, columns);
    const Matrix image = product(map_, picked(x_, columns));
    if (!approximation_) result_.products += columns.size();
    kernels::axpy(r.size(), -1.0, image.data(), r.mutable_data());
    return r;
  }
  // Keeps only the columns at these places.
  void keep(const std::vector<std::size_t>& places) {
    active_ = taken(active_, places);
    peaks_ = taken(peaks_, places);
    r_ = picked(r_, places);
    if (p_.defined()) p_ = picked(p_, places);
    if (image_.defined()) {
      image_ = picked(image_, places);
      curvature_ = taken(curvature_, places);
    }
  }

  void begin() {
    active_.resize(columns_);
    std::iota(active_.begin(), active_.end(), std::size_t(0));
    r_ = options_.start.defined() ? residual(active_) : b_.clone();
    result_.residuals = peaks_ = relative(r_, active_);
    std::vector<std::size_t> open;
    for (std::size_t j = 0; j < columns_; ++j)
      if (!(peaks_[j] <= options_.tolerance)) open.push_back(j);
    keep(open);
    if (open.empty()) return;
    p_ = preconditioned(r_);
    check_positive("preconditioner", "r^T M r", dots(r_, p_), 0);
  }

  // A step along p to the point where the residual has no part in that direction.
  void step(std::size_t iteration) {
    std::vector<double> length, back;
    const auto apply = [&] {
      image_ = product(approximation_ ? *approximation_ : map_, p_);
      result_.products += active_.size();
      auto [curvature, product] = dots(p_, image_, r_, p_);
      curvature_ = std::move(curvature);
      length = std::move(product);
    };
    apply();
    if (approximation_ && !std::all_of(curvature_.begin(), curvature_.end(), [](double c) { return c > 0; })) {
      approximation_ = nullptr;
      apply();
    }
    check_positive("map", "p^T A p", curvature_, iteration);
    for (std::size_t j = 0; j < active_.size(); ++j) {
      length[j] /= curvature_[j];
      back.push_back(-length[j]);
      ++result_.iterations[active_[j]];
    }
    kernels::add_columns_at(n_, columns_, active_, length.data(), p_.data(), x_.mutable_data());
    kernels::add_columns(n_, back.size(), back.data(), image_.data(), r_.mutable_data());
  }

  // The residual is computed exactly where the recursion says that a column has converged and, with an approximation,
  // from time to time. Columns that have converged leave, and so do columns whose exact residuals have failed to halve
  // `patience` times.
  void renew(const std::vector<double>& sizes) {
    std::vector<std::size_t> due, stay;
    for (std::size_t j = 0; j < active_.size(); ++j) {
      peaks_[j] = std::max(peaks_[j], sizes[j]);
      if (sizes[j] <= goals_[active_[j]] || (approximation_ && sizes[j] <= renewal * peaks_[j])) due.push_back(j);
    }
    if (due.empty()) return;
    const std::vector<std::size_t> columns = taken(active_, due);
    Matrix change = residual(columns);
    const std::vector<double> exact = relative(change, columns);
    const Matrix believed = picked(r_, due);
    kernels::axpy(change.size(), -1.0, believed.data(), change.mutable_data());
    const std::vector<double> ones(due.size(), 1.0);
    kernels::add_columns_at(n_, active_.size(), due, ones.data(), change.data(), r_.mutable_data());
    std::vector<bool> leaves(active_.size(), false);
    for (std::size_t j = 0; j < due.size(); ++j) {
      const std::size_t column = columns[j];
      double& peak = peaks_[due[j]];
      if (sizes[due[j]] <= goals_[column]) goals_[column] = options_.tolerance / 2;
      if (approximation_)
        missed_ += !(exact[j] <= 2 * sizes[due[j]]);
      else if (!(exact[j] <= peak / 2))
        ++failures_[column];
      result_.residuals[column] = peak = exact[j];
      const bool stuck = failures_[column] >= patience;
      leaves[due[j]] = exact[j] <= options_.tolerance || stuck;
      stuck_ = stuck_ || (stuck && exact[j] > options_.tolerance);
    }
    if (missed_ >= misses) approximation_ = nullptr;
    for (std::size_t j = 0; j < active_.size(); ++j)
      if (!leaves[j]) stay.push_back(j);
    if (stay.size() < active_.size()) keep(stay);
  }

  // The next direction. It is made conjugate to the last one with the image of that direction, not by a recursion,
  // because residuals may have been computed anew.
  void turn(std::size_t iteration) {
    const Matrix z = preconditioned(r_);
    auto [form, ratio] = dots(r_, z, z, image_);
    check_positive("preconditioner", "r^T M r", form, iteration);
    for (std::size_t j = 0; j < ratio.size(); ++j) ratio[j] /= -curvature_[j];
    kernels::scale_add_columns(n_, ratio.size(), ratio.data(), z.data(), p_.mutable_data());
  }

  static void check_positive(const char* what, const char* form, const std::vector<double>& values,
                             std::size_t iteration) {
    for (double v : values)
      if (!(v > 0)) {
        std::ostringstream text;
        text << "[conjugate_gradients] the " << what << " is not positive definite: " << form << " is " << v
             << " in iteration " << iteration
             << ". Give a kernel between one set of examples and itself, or add a ridge.";
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
           << options_.tolerance << ". ";
      text << (stuck_ ? "Rounding allows no more: raise tolerance, or add a ridge."
                      : "Raise max_iterations or tolerance, use a preconditioner, add a ridge, or accept what there is "
                        "with "
                        "partial.");
      throw numerical_error(text.str());
    }
    result_.x = x_;
    return std::move(result_);
  }

  const LinearMap& map_;
  const LinearMap* approximation_;  // the map of the steps; null if that is map_
  std::size_t missed_ = 0;
  const Preconditioner& preconditioner_;
  const ConjugateGradientOptions& options_;
  std::size_t n_, columns_;
  Matrix b_, x_;                     // all columns
  std::vector<std::size_t> active_;  // the columns that r, p, image, curvature and peaks have
  Matrix r_, p_, image_;             // image: the map of the steps applied to p
  std::vector<double> curvature_;    // p^T image
  std::vector<double> peaks_;        // largest residual since the last exact one
  std::vector<double> size_b_, goals_;
  std::vector<std::size_t> failures_;
  bool stuck_ = false;
  ConjugateGradientResult result_;
};

}  // namespace

template <class T>
Preconditioner kronecker_preconditioner(Cholesky<T> pntk, std::size_t outputs) {
  if (outputs == 0) throw shape_error("[kronecker_preconditioner] the number of outputs is 0.");
  return [factor = std::move(pntk), outputs](const Array<double>& u) {
    const std::size_t n = factor.size();
    if (u.rank() != 2 || u.shape()[0] != n * outputs)
      throw shape_error("[kronecker_preconditioner] columns " + to_string(u.shape()) + " for a pNTK of order " +
                        std::to_string(n) + " and " + std::to_string(outputs) + " outputs.");
    // Row n*O + o of m columns is row n of O m columns.
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
    throw option_error("[conjugate_gradients] the tolerance must be positive, and the ridge finite and not negative.");
}

ConjugateGradientResult solved(const LinearMap& map, const LinearMap* approximation, const Array<double>& b,
                               const Preconditioner& preconditioner, const ConjugateGradientOptions& options) {
  if (b.size() == 0) return {.x = b, .residuals = {}, .iterations = {}, .converged = true};
  ConjugateGradientResult out = Solver(map, approximation, b, preconditioner, options).run();
  out.x = out.x.reshaped(b.shape());
  return out;
}

}  // namespace

ConjugateGradientResult conjugate_gradients(const LinearMap& map, const Array<double>& b,
                                            const Preconditioner& preconditioner,
                                            const ConjugateGradientOptions& options) {
  check_arguments(map, b, options);
  return solved(map, nullptr, b, preconditioner, options);
}

ConjugateGradientResult refined_conjugate_gradients(const LinearMap& map, const LinearMap& approximation,
                                                    const Array<double>& b, const Preconditioner& preconditioner,
                                                    const ConjugateGradientOptions& options) {
  check_arguments(map, b, options);
  if (approximation.size != map.size)
    throw shape_error("[refined_conjugate_gradients] a map of order " + std::to_string(map.size) +
                      " and an approximation of order " + std::to_string(approximation.size) + ".");
  return solved(map, &approximation, b, preconditioner, options);
}

template Preconditioner kronecker_preconditioner(Cholesky<float>, std::size_t);
template Preconditioner kronecker_preconditioner(Cholesky<double>, std::size_t);

}  // namespace xtangent::ntk
