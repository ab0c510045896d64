#include "autodiff/ops/embedding.hpp"

#include <algorithm>
#include <sstream>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent {
namespace {

template <class T>
std::vector<std::size_t> whole(const Array<T>& indices, std::size_t rows) {
  std::vector<std::size_t> out(indices.size());
  const std::size_t bad = kernels::to_indices(out.size(), indices.data(), rows, out.data());
  if (bad == out.size()) return out;
  std::ostringstream text;
  text << "[embedding] index " << indices[bad] << " at place " << bad << " of indices " << indices.shape()
       << ". They are whole numbers below " << rows << ".";
  throw data_error(text.str());
}

template <class T>
struct Embedding : Op<T> {
  std::string name() const override { return "embedding"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    if (x[1].examples.back > 0) return std::nullopt;
    return Place{x[0].examples.back + 1, x[0].examples.before, x[0].examples.behind};
  }
  Spec infer(std::span<const Spec> x) const override {
    if (x[1].shape.rank() != 2) throw shape_error("[embedding] weight " + to_string(x[1].shape) + ". Expected (V, E).");
    return {x[0].shape.joined({x[1].shape[1]}), x[1].examples == Examples::none ? x[0].examples : Examples::mixed};
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    const std::size_t rows = x[1].shape()[0], width = x[1].shape()[1];
    const std::vector<std::size_t> index = whole(x[0], rows);
    Array<T> y(x[0].shape().joined({width}));
    kernels::gather(1, rows, width, index, x[1].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const override {
    if (!dx[1].defined()) return {};
    if (dx[1].rank() == 2) return embedding(x[0], dx[1]);  // the tangent has the mark of the indices
    const Var<T> rows = gather(dx[1], -2, whole(x[0].value(), x[1].shape()[0]));
    return reshape(rows, with_probes_of(dx[1], 2, y.shape()));
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(2);
    if (!wanted[1]) return out;
    const std::size_t rows = x[1].shape()[0], width = x[1].shape()[1];
    const Var<T> flat = reshape(ybar, with_probes_of(ybar, y.rank(), Shape{x[0].size(), width}));
    out[1] = scatter_add(flat, -2, whole(x[0].value(), rows), rows);
    return out;
  }
  std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const override {
    if (argument == 0) return std::nullopt;
    const Shape& indices = x[0].shape();
    Factor<T> f;
    f.kind = FactorKind::gather;
    f.parameter = x[1].shape();
    f.probes = std::max<std::size_t>(1, probes(ybar, indices.rank() + 1));
    f.examples = indices.front();
    f.positions = indices.slice(1, indices.rank()).size();
    f.left = ybar.value().reshaped({f.probes, f.examples, f.positions, x[1].shape()[1]});
    f.right = x[0].value().reshaped({f.examples, f.positions});
    return f;
  }
  double flop(std::span<const Shape>, const Shape&) const override { return 0.0; }
};

}  // namespace

template <class T>
Var<T> embedding(const Var<T>& indices, const Var<T>& weight) {
  return apply_op(Embedding<T>(), indices, weight);
}

template Var<float> embedding(const Var<float>&, const Var<float>&);
template Var<double> embedding(const Var<double>&, const Var<double>&);

}  // namespace xtangent
