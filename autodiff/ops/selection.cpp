#include "autodiff/ops/selection.hpp"

#include <limits>

#include "autodiff/kernels/select.hpp"

namespace xtangent {
namespace {

using Shared = std::shared_ptr<const Selection>;

// Does example n of `to` hold elements of example n of `from` alone? Both begin with the axis of examples, and a block
// lies within one example where the blocks can be dealt out evenly.
bool keeps_examples(const Selection& s) {
  if (s.from.rank() == 0 || s.to.rank() == 0 || s.from.front() != s.to.front()) return false;
  return s.from.front() == 0 || s.blocks % s.from.front() == 0;
}

// The result of a map from (lead..., from) to (lead..., to), which are those of the selection or exchanged.
Spec mapped(const char* who, const Spec& x, const Selection& s, const Shape& from, const Shape& to) {
  const std::size_t rank = x.shape.rank(), lead = rank - from.rank();
  if (rank < from.rank() || !(x.shape.slice(lead, rank) == from))
    throw shape_error(std::string("[") + who + "] " + to_string(x.shape) + " does not end in " + to_string(from) + ".");
  const bool fits = s.blocks > 0 && s.from.size() % s.blocks == 0 && s.to.size() % s.blocks == 0;
  if (s.index.size() != s.to.size() || (!fits && s.to.size() > 0))
    throw shape_error(std::string("[") + who + "] a selection from " + to_string(s.from) + " to " + to_string(s.to) +
                      " in " + std::to_string(s.blocks) + " blocks with " + std::to_string(s.index.size()) +
                      " indices. The blocks must divide both, and each element of the latter has one index.");
  const bool mixes = x.examples == Examples::axis0 && lead == 0 && !keeps_examples(s);
  return {x.shape.slice(0, lead).joined(to), mixes ? Examples::mixed : x.examples};
}

template <class T>
struct Select : Op<T> {
  Shared s;
  explicit Select(Shared selection) : s(std::move(selection)) {}
  std::string name() const override { return "select"; }
  bool vector_mode() const override { return true; }
  Spec infer(std::span<const Spec> x) const override { return mapped("select", x[0], *s, s->from, s->to); }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(mapped("select", {x[0].shape()}, *s, s->from, s->to).shape);
    if (y.size() == 0) return y;
    kernels::select(y.size() / s->to.size(), s->blocks, s->from.size() / s->blocks, s->to.size() / s->blocks,
                    s->index.data(), x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dx) const override { return select(dx[0], s); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {unselect(ybar, s)};
  }
};

template <class T>
struct Unselect : Op<T> {
  Shared s;
  explicit Unselect(Shared selection) : s(std::move(selection)) {}
  std::string name() const override { return "unselect"; }
  bool vector_mode() const override { return true; }
  Spec infer(std::span<const Spec> x) const override { return mapped("unselect", x[0], *s, s->to, s->from); }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(mapped("unselect", {x[0].shape()}, *s, s->to, s->from).shape);
    if (y.size() == 0) return y;
    kernels::unselect(y.size() / s->from.size(), s->blocks, s->from.size() / s->blocks, s->to.size() / s->blocks,
                      s->index.data(), x[0].data(), y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T>, const Var<T>&, Vars<T> dx) const override { return unselect(dx[0], s); }
  std::vector<Var<T>> vjp(Vars<T>, const Var<T>&, const Var<T>& ybar, const Wanted&) const override {
    return {select(ybar, s)};
  }
};

}  // namespace

void check_block_size(std::size_t elements, const char* who) {
  if (elements > std::numeric_limits<std::uint32_t>::max())
    throw shape_error(std::string("[") + who + "] a maximum over blocks of " + std::to_string(elements) +
                      " elements; at most 4294967295 are supported.");
}

template <class T>
Var<T> select(const Var<T>& x, Shared selection) {
  return apply_op(Select<T>(std::move(selection)), x);
}
template <class T>
Var<T> unselect(const Var<T>& x, Shared selection) {
  return apply_op(Unselect<T>(std::move(selection)), x);
}

template Var<float> select(const Var<float>&, Shared);
template Var<double> select(const Var<double>&, Shared);
template Var<float> unselect(const Var<float>&, Shared);
template Var<double> unselect(const Var<double>&, Shared);

}  // namespace xtangent
