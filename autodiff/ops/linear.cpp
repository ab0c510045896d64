#include "autodiff/ops/linear.hpp"

#include <algorithm>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/broadcast_tangent.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent {
namespace {

Shape leading(const Shape& shape) { return shape.slice(0, shape.rank() - 2); }

template <class T>
struct Matmul : Op<T> {
  MatmulOptions options;
  explicit Matmul(MatmulOptions o) : options(o) {}
  std::string name() const override { return "matmul"; }
  bool vector_mode() const override { return true; }
  // Examples may be in any of the axes before the matrices, or in the rows of a that meet one matrix b.
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    const bool rows = x[0].examples.back == 2 && !options.transpose_a && x[1].shape.rank() == 2;
    if (rows && x[1].examples.back == 0) return x[0].examples;
    const std::optional<Place> both = common_place(x);
    return both && both->back > 2 ? both : std::nullopt;
  }

  struct Extents {
    std::size_t m, n, k;
  };
  Extents extents(const Shape& a, const Shape& b) const {
    return {a.from_right(options.transpose_a ? 1 : 2), b.from_right(options.transpose_b ? 2 : 1),
            a.from_right(options.transpose_a ? 2 : 1)};
  }
  Spec infer(std::span<const Spec> x) const override {
    const Shape &a = x[0].shape, &b = x[1].shape;
    if (a.rank() < 2 || b.rank() < 2)
      throw shape_error("[matmul] needs two axes each, got " + to_string(a) + " and " + to_string(b) +
                        ". Reshape vectors to (n, 1) or (1, n).");
    const Extents e = extents(a, b);
    if (b.from_right(options.transpose_b ? 1 : 2) != e.k)
      throw shape_error("[matmul] inner extents differ: " + to_string(a) + (options.transpose_a ? " transposed" : "") +
                        " and " + to_string(b) + (options.transpose_b ? " transposed." : "."));
    Shape shape = broadcast_shapes(leading(a), leading(b), "matmul");
    const std::size_t batch_axes = shape.rank();
    shape.push_back(e.m);
    shape.push_back(e.n);
    return {shape, examples(x, shape, batch_axes)};
  }
  Examples examples(std::span<const Spec> x, const Shape& shape, std::size_t batch_axes) const {
    if (x[0].examples == Examples::mixed || x[1].examples == Examples::mixed) return Examples::mixed;
    if (batch_axes > 0) {  // axis 0 is a broadcast axis
      const Spec lead[] = {{leading(x[0].shape), x[0].examples}, {leading(x[1].shape), x[1].examples}};
      return elementwise_examples(lead, shape.slice(0, batch_axes));
    }
    if (x[1].examples == Examples::axis0) return Examples::mixed;  // the rows or columns of b are examples
    if (x[0].examples == Examples::axis0) return options.transpose_a ? Examples::mixed : Examples::axis0;
    return Examples::none;
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const Shape &sa = x[0].shape(), &sb = x[1].shape();
    const Extents e = extents(sa, sb);
    const Shape batch = broadcast_shapes(leading(sa), leading(sb), "matmul");
    Array<T> y(batch.joined({e.m, e.n}));
    const std::size_t lda = options.transpose_a ? e.m : e.k, ldb = options.transpose_b ? e.k : e.n;
    T* out = y.mutable_data();
    if (leading(sb).size() == 1 && !options.transpose_a) {  // one right matrix: all left rows at once
      kernels::gemm(false, options.transpose_b, batch.size() * e.m, e.n, e.k, T(1), x[0].data(), lda, x[1].data(), ldb,
                    T(0), out, e.n);
      return y;
    }
    // Offsets of the operands by walking the broadcast batch axes.
    const auto offset = [&](const Shape& s, std::size_t index) {
      std::size_t at = 0, stride = 1;
      for (std::size_t back = 1; back <= batch.rank(); ++back) {
        const std::size_t i = index % batch.from_right(back);
        index /= batch.from_right(back);
        if (back > s.rank()) break;
        if (s.from_right(back) != 1) at += i * stride;
        stride *= s.from_right(back);
      }
      return at;
    };
    const Shape la = leading(sa), lb = leading(sb);
    const auto product = [&](std::size_t i, auto&& gemm) {
      gemm(options.transpose_a, options.transpose_b, e.m, e.n, e.k, T(1), x[0].data() + offset(la, i) * e.m * e.k, lda,
           x[1].data() + offset(lb, i) * e.k * e.n, ldb, T(0), out + i * e.m * e.n, e.n);
    };
    if (batch.size() >= 4)
      kernels::parallel_for(batch.size(), std::max<std::size_t>(1, (1 << 18) / (e.m * e.n * e.k + 1)),
                            [&](std::size_t first, std::size_t last) {
                              for (std::size_t i = first; i < last; ++i) product(i, kernels::gemm_serial<T>);
                            });
    else
      for (std::size_t i = 0; i < batch.size(); ++i) product(i, kernels::gemm<T>);
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    if (dx[0].defined()) dy = matmul(align_probes(dx[0], x[0].shape(), y.rank()), x[1], options);
    if (dx[1].defined()) {
      const Var<T> term = matmul(x[0], align_probes(dx[1], x[1].shape(), y.rank()), options);
      dy = dy.defined() ? dy + term : term;
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    const bool ta = options.transpose_a, tb = options.transpose_b;
    std::vector<Var<T>> out(2);
    if (wanted[0])  // m x n * (k x n)^T -> m x k
      out[0] = ta ? matmul(x[1], ybar, {tb, true}) : matmul(ybar, x[1], {false, !tb});
    if (wanted[1])  // (m x k)^T * m x n -> k x n
      out[1] = tb ? matmul(ybar, x[0], {true, ta}) : matmul(x[0], ybar, {!ta, false});
    for (std::size_t i = 0; i < 2; ++i)
      if (wanted[i]) {
        Shape padded;
        for (std::size_t a = x[i].rank(); a < y.rank(); ++a) padded.push_back(1);
        const Shape target = with_probes_of(ybar, y.rank(), padded.joined(x[i].shape()));
        out[i] = reshape(sum_to(out[i], target), with_probes_of(ybar, y.rank(), x[i].shape()));
      }
    return out;
  }
  // A matrix that all examples share: b as in x b, or a as in a x.
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    const Var<T>&weight = x[argument], &input = x[1 - argument];
    if (weight.rank() != 2 || input.rank() < 2 || input.examples() != Examples::axis0) return std::nullopt;
    const Extents e = extents(x[0].shape(), x[1].shape());
    const Shape& in = input.shape();
    Factor<T> f;
    f.parameter = weight.shape();
    f.examples = in.front();
    if (argument == 1) {  // y (N, .., n) = x (N, .., k) b (k, n): the gradient is x^T ybar, (k, n)
      if (options.transpose_a) return std::nullopt;
      f.positions = in.slice(1, in.rank() - 1).size();
      f.probes = std::max<std::size_t>(1, probes(ybar, in.rank()));
      f.transposed = !options.transpose_b;
      f.left = ybar.value().reshaped({f.probes, f.examples, f.positions, e.n});
      f.right = input.value().reshaped({f.examples, f.positions, e.k});
    } else {  // y (N, m, n) = a (m, k) x (N, k, n): the gradient is ybar x^T, (m, k)
      if (in.rank() != 3) return std::nullopt;
      f.positions = e.n;
      f.probes = std::max<std::size_t>(1, probes(ybar, 3));
      f.transposed = options.transpose_a;
      f.channels_first = true;
      f.left = ybar.value().reshaped({f.probes, f.examples, e.m, e.n});
      f.right = input.value();
      if (!options.transpose_b) {
        f.right = Array<T>({f.examples, e.n, e.k});
        kernels::transpose(in, {0, 2, 1}, input.value().data(), f.right.mutable_data());
      }
    }
    f.kind = f.positions == 1 ? FactorKind::outer : FactorKind::outer_sum;
    return f;
  }
  double flop(std::span<const Shape> x, const Shape& y) const override {
    return 2.0 * static_cast<double>(y.size()) * static_cast<double>(extents(x[0], x[1]).k);
  }
};

template <class T>
struct Linear : Op<T> {
  std::string name() const override { return "linear"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    for (const Placed& parameter : x.subspan(1))
      if (parameter.examples.back > 0) return std::nullopt;
    return place_beside(x[0], 1);
  }

  Spec infer(std::span<const Spec> x) const override {
    const Shape &in = x[0].shape, &w = x[1].shape;
    if (w.rank() != 2 || in.rank() < 1 || in.back() != w[1])
      throw shape_error("[linear] input " + to_string(in) + " and weight " + to_string(w) +
                        " do not fit: the input must be (..., I) for a weight (C, I).");
    if (x.size() == 3 && !(x[2].shape == Shape{w[0]}))
      throw shape_error("[linear] bias " + to_string(x[2].shape) + " for weight " + to_string(w) + ": must be (" +
                        std::to_string(w[0]) + ",).");
    Examples examples = x[0].examples;
    if (examples == Examples::axis0 && in.rank() == 1) examples = Examples::mixed;
    for (const Spec& parameter : x.subspan(1))
      if (parameter.examples != Examples::none) examples = Examples::mixed;
    Shape shape = in;
    shape[in.rank() - 1] = w[0];
    return {shape, examples};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t out = x[1].shape()[0], in = x[1].shape()[1], rows = x[0].size() / std::max<std::size_t>(in, 1);
    Shape shape = x[0].shape();
    shape[shape.rank() - 1] = out;
    Array<T> y(shape);
    const bool bias = x.size() == 3;
    if (bias)
      kernels::broadcast(Shape{y.size() / std::max<std::size_t>(out, 1), out}, x[2].data(), Shape{out},
                         y.mutable_data());
    kernels::gemm(false, true, in ? rows : y.size() / std::max<std::size_t>(out, 1), out, in, T(1), x[0].data(), in,
                  x[1].data(), in, bias ? T(1) : T(0), y.mutable_data(), out);
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    Var<T> dy;
    const auto add_term = [&](Var<T> term) { dy = dy.defined() ? dy + term : term; };
    if (dx[0].defined()) add_term(linear(dx[0], x[1]));
    if (dx[1].defined()) {
      if (probes(dx[1], 2) == 0) {
        add_term(linear(x[0], dx[1]));
      } else {  // (K, 1.., C, I) against (.., 1, I)
        const Var<T> rows = x[0].rank() == 1 ? reshape(x[0], {1, x[0].shape()[0]}) : x[0];
        const Var<T> term = matmul(rows, align_probes(dx[1], x[1].shape(), rows.rank()), {false, true});
        add_term(reshape(term, y.shape().prepended(dx[1].shape().front())));
      }
    }
    if (x.size() == 3 && dx[2].defined()) {
      const Var<T> aligned = align_probes(dx[2], x[2].shape(), y.rank());
      if (dy.defined())
        dy = dy + aligned;
      else
        dy = broadcast_tangent(y, aligned, with_probes_of(dx[2], 1, y.shape()));
    }
    return dy;
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    const std::size_t out = x[1].shape()[0], in = x[1].shape()[1];
    const std::size_t rows = y.size() / std::max<std::size_t>(out, 1);
    std::vector<Var<T>> result(x.size());
    if (wanted[0]) {  // ... x C * C x I -> ... x I
      const Var<T> l = ybar.rank() == 1 ? reshape(ybar, {1, out}) : ybar;
      result[0] = reshape(matmul(l, x[1]), with_probes_of(ybar, y.rank(), x[0].shape()));
    }
    const Var<T> flat = reshape(ybar, with_probes_of(ybar, y.rank(), Shape{rows, out}));
    if (wanted[1])  // (D x C)^T * D x I -> C x I
      result[1] = matmul(flat, reshape(x[0], {rows, in}), {true, false});
    if (x.size() == 3 && wanted[2])
      result[2] = reshape(sum_to(flat, with_probes_of(ybar, y.rank(), Shape{1, out})),
                          with_probes_of(ybar, y.rank(), Shape{out}));
    return result;
  }
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    if (argument == 0) return std::nullopt;
    const Shape& in = x[0].shape();
    Factor<T> f;
    f.parameter = x[argument].shape();
    f.probes = std::max<std::size_t>(1, probes(ybar, in.rank()));
    f.examples = in.front();
    f.positions = in.slice(1, in.rank() - 1).size();
    f.left = ybar.value().reshaped({f.probes, f.examples, f.positions, x[1].shape()[0]});
    if (argument == 2) {
      f.kind = FactorKind::bias;
    } else {
      f.kind = f.positions == 1 ? FactorKind::outer : FactorKind::outer_sum;
      f.right = x[0].value().reshaped({f.examples, f.positions, in.back()});
    }
    return f;
  }
  double flop(std::span<const Shape> x, const Shape& y) const override {
    return 2.0 * static_cast<double>(y.size()) * static_cast<double>(x[1][1]);
  }
};

}  // namespace

template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, MatmulOptions options) {
  return apply_op(Matmul<T>(options), a, b);
}
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& w, const Var<T>& b) {
  return b.defined() ? apply_op(Linear<T>(), x, w, b) : apply_op(Linear<T>(), x, w);
}

#define XTANGENT_INSTANTIATE(T)                                        \
  template Var<T> matmul(const Var<T>&, const Var<T>&, MatmulOptions); \
  template Var<T> linear(const Var<T>&, const Var<T>&, const Var<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
