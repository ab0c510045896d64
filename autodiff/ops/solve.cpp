#include "autodiff/ops/solve.hpp"

#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"

namespace xtangent {
namespace {

template <class T>
struct SolvePositiveDefinite : Op<T> {
  std::string name() const override { return "solve_positive_definite"; }
  bool vector_mode() const override { return true; }

  Spec infer(std::span<const Spec> x) const override {
    const Shape &a = x[0].shape, &b = x[1].shape;
    if (a.rank() != 2 || a[0] != a[1] || b.rank() < 2 || b.from_right(2) != a[0])
      throw shape_error("[solve_positive_definite] matrix " + to_string(a) + " and right-hand sides " + to_string(b) +
                        " do not fit: they must be (n, n) and (..., n, m).");
    Examples examples = b.rank() == 2 && x[1].examples != Examples::none ? Examples::mixed : x[1].examples;
    if (x[0].examples != Examples::none) examples = Examples::mixed;
    return {b, examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t n = x[0].shape()[0], m = x[1].shape().back();
    Array<T> factor(x[0].shape()), y(x[1].shape());
    kernels::transpose(x[0].shape(), {1, 0}, x[0].data(), factor.mutable_data());
    kernels::axpy(factor.size(), T(1), x[0].data(), factor.mutable_data());  // a + a^T, so b counts twice
    kernels::affine(y.size(), T(2), T(0), x[1].data(), y.mutable_data());
    if (const std::size_t failed = kernels::cholesky(n, factor.mutable_data(), n))
      throw numerical_error("[solve_positive_definite] the matrix " + to_string(x[0].shape()) +
                            " is not positive definite: its leading minor of order " + std::to_string(failed) +
                            " is not positive. Add a ridge to its diagonal.");
    for (std::size_t at = 0; at < y.size(); at += n * m) {
      kernels::triangular_solve(false, n, factor.data(), n, m, y.mutable_data() + at, m);
      kernels::triangular_solve(true, n, factor.data(), n, m, y.mutable_data() + at, m);
    }
    return y;
  }
  // dy = a^-1 (db - da y) with da symmetrized
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> change;
    if (dx[0].defined()) {
      const Var<T> da = align_probes(dx[0], x[0].shape(), y.rank());
      change = (matmul(da, y) + matmul(da, y, {.transpose_a = true})) * -0.5;
    }
    if (dx[1].defined()) {
      const Var<T> db = align_probes(dx[1], x[1].shape(), y.rank());
      change = change.defined() ? change + db : db;
    }
    return solve_positive_definite(x[0], change);
  }
  // bbar = a^-1 ybar, and abar = -bbar y^T symmetrized
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(2);
    const Var<T> bbar = solve_positive_definite(x[0], ybar);
    if (wanted[1]) out[1] = bbar;
    if (!wanted[0]) return out;
    const Var<T> product = matmul(bbar, y, {.transpose_b = true});
    Shape ones;
    for (std::size_t axis = 2; axis < y.rank(); ++axis) ones.push_back(1);
    const Var<T> total = reshape(sum_to(product, with_probes_of(ybar, y.rank(), ones.joined(x[0].shape()))),
                                 with_probes_of(ybar, y.rank(), x[0].shape()));
    out[0] = (total + transpose_last(total)) * -0.5;
    return out;
  }
  double flop(std::span<const Shape> x, const Shape& y) const override {
    const double n = static_cast<double>(x[0][0]);
    return n * n * n / 3 + 2 * n * static_cast<double>(y.size());
  }
};

Shape leading(const Shape& shape) { return shape.slice(0, shape.rank() - 2); }

template <class T>
struct Solve : Op<T> {
  bool transposed;
  explicit Solve(bool t) : transposed(t) {}
  std::string name() const override { return "solve"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    const std::optional<Place> both = common_place(x);
    return both && both->back > 2 ? both : std::nullopt;
  }

  Spec infer(std::span<const Spec> x) const override {
    const Shape &a = x[0].shape, &b = x[1].shape;
    if (a.rank() < 2 || b.rank() < 2 || a.from_right(1) != a.from_right(2) || b.from_right(2) != a.back())
      throw shape_error("[solve] matrices " + to_string(a) + " and right-hand sides " + to_string(b) +
                        " do not fit: they must be (..., n, n) and (..., n, m).");
    const Shape lead = broadcast_shapes(leading(a), leading(b), "solve");
    const Spec leads[] = {{leading(a), x[0].examples}, {leading(b), x[1].examples}};
    Examples examples = elementwise_examples(leads, lead);
    if (lead.rank() == 0 && (x[0].examples != Examples::none || x[1].examples != Examples::none))
      examples = Examples::mixed;
    return {lead.joined({b.from_right(2), b.back()}), examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t n = x[0].shape().back(), m = x[1].shape().back();
    const Shape lead = broadcast_shapes(leading(x[0].shape()), leading(x[1].shape()), "solve");
    Array<T> y(lead.joined({n, m}));
    const Shape full = lead.joined({n, m});
    kernels::broadcast(full, x[1].data(), x[1].shape(), y.mutable_data());
    // Matrices that several right-hand sides share are factored once for each: n is small where there are many.
    Array<T> matrices(lead.joined({n, n}));
    kernels::broadcast(matrices.shape(), x[0].data(), x[0].shape(), matrices.mutable_data());
    const std::size_t failed =
        kernels::lu_solve(lead.size(), n, m, transposed, matrices.mutable_data(), y.mutable_data());
    if (failed < lead.size())
      throw numerical_error("[solve] matrix " + std::to_string(failed) + " of " + to_string(x[0].shape()) +
                            " is singular: a pivot is exactly 0.");
    return y;
  }
  // dy = a^-1 (db - da y)
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> change;
    if (dx[0].defined()) change = -matmul(align_probes(dx[0], x[0].shape(), y.rank()), y, {.transpose_a = transposed});
    if (dx[1].defined()) {
      const Var<T> db = align_probes(dx[1], x[1].shape(), y.rank());
      change = change.defined() ? change + db : broadcast_tangent(y, db, with_probes_of(dx[1], x[1].rank(), y.shape()));
    }
    return solve(x[0], change, transposed);
  }
  // bbar = a^-T ybar, and abar = -bbar y^T
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(2);
    const Var<T> bbar = solve(x[0], ybar, !transposed);
    const auto total = [&](const Var<T>& bar, const Shape& shape) {
      Shape padded;
      for (std::size_t a = shape.rank(); a < y.rank(); ++a) padded.push_back(1);
      return reshape(sum_to(bar, with_probes_of(ybar, y.rank(), padded.joined(shape))),
                     with_probes_of(ybar, y.rank(), shape));
    };
    if (wanted[1]) out[1] = total(bbar, x[1].shape());
    if (wanted[0])
      out[0] = total(transposed ? -matmul(y, bbar, {.transpose_b = true}) : -matmul(bbar, y, {.transpose_b = true}),
                     x[0].shape());
    return out;
  }
  double flop(std::span<const Shape> x, const Shape& y) const override {
    const double n = static_cast<double>(x[0].back()), m = static_cast<double>(y.back());
    return static_cast<double>(leading(y).size()) * (2 * n * n * n / 3 + 2 * n * n * m);
  }
};

}  // namespace

template <class T>
Var<T> solve(const Var<T>& a, const Var<T>& b, bool transpose) {
  return apply_op(Solve<T>(transpose), a, b);
}
template Var<float> solve(const Var<float>&, const Var<float>&, bool);
template Var<double> solve(const Var<double>&, const Var<double>&, bool);

template <class T>
Var<T> solve_positive_definite(const Var<T>& a, const Var<T>& b) {
  return apply_op(SolvePositiveDefinite<T>(), a, b);
}

template Var<float> solve_positive_definite(const Var<float>&, const Var<float>&);
template Var<double> solve_positive_definite(const Var<double>&, const Var<double>&);

}  // namespace xtangent
