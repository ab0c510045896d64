#include "autodiff/ops/selection.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include "autodiff/kernels/layout.hpp"
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

// Places of elements in arrays of this shape, whose examples stand at `place`: which example an element belongs to, and
// its index among the elements of that example with the examples in front.
class InFront {
 public:
  InFront(const Shape& shape, const Place& place, std::size_t n) : place_(place), n_(n) {
    for (std::size_t back = 1; back < place.back && back <= shape.rank(); ++back) inner_ *= shape.from_right(back);
  }
  std::size_t example(std::size_t i) const { return i / inner_ / place_.behind % n_; }
  std::size_t index(std::size_t i) const {
    const std::size_t at = i / inner_, behind = at % place_.behind, before = at / (place_.behind * n_);
    return (before * place_.behind + behind) * inner_ + i % inner_;
  }

 private:
  Place place_;
  std::size_t n_, inner_ = 1;
};

// The element of `from` that element i of `to` is.
std::size_t source_of(const Selection& s, std::size_t i) {
  return i / (s.to.size() / s.blocks) * (s.from.size() / s.blocks) + s.index[i];
}

// Where the examples stand in `to` if they stand at `place` in `from` and no element changes its example.
std::optional<Place> place_of_result(const Selection& s, const Place& place, std::size_t n) {
  if (place.back > s.from.rank()) return place;
  const InFront from(s.from, place, n);
  for (std::size_t back = 1; back <= s.to.rank(); ++back) {
    const Place candidate{back, place.before, place.behind};
    if (s.to.from_right(back) != place.before * n * place.behind) continue;
    const InFront to(s.to, candidate, n);
    std::size_t i = 0;
    while (i < s.to.size() && to.example(i) == from.example(source_of(s, i))) ++i;
    if (i == s.to.size()) return candidate;
  }
  return std::nullopt;
}

// The same selection between arrays with the examples in front.
Shared selection_in_front(const Selection& s, const Place& place, std::size_t n) {
  const Place result = place_of_result(s, place, n).value();
  const auto shape_of = [&](const Shape& shape, const Place& at) {  // with the axes of apply, behind the examples
    const Shape front = front_shape(shape, at, n);
    Shape wide{n};
    for (std::size_t axis = front.rank(); axis <= std::max(s.from.rank(), s.to.rank()); ++axis) wide.push_back(1);
    return wide.joined(front.slice(1, front.rank()));
  };
  auto out = std::make_shared<Selection>();
  out->from = shape_of(s.from, place);
  out->to = shape_of(s.to, result);
  out->blocks = n;
  out->index.resize(s.index.size());
  const InFront from(s.from, place, n), to(s.to, result, n);
  const std::size_t each = s.to.size() / n;
  for (std::size_t i = 0; i < s.to.size(); ++i)
    out->index[to.example(i) * each + to.index(i)] = static_cast<std::uint32_t>(from.index(source_of(s, i)));
  return out;
}

template <class T>
struct Select : Op<T> {
  Shared s;
  explicit Select(Shared selection) : s(std::move(selection)) {}
  std::string name() const override { return "select"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t n) const override {
    if (!(x[0].shape == s->from) || s->to.size() == 0) return std::nullopt;
    return place_of_result(*s, x[0].examples, n);
  }
  std::shared_ptr<const Op<T>> in_front(std::span<const Placed> x, std::size_t n) const override {
    return std::make_shared<const Select>(selection_in_front(*s, x[0].examples, n));
  }
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

template <class T>
struct GatherAlong : Op<T> {
  long axis;  // negative
  explicit GatherAlong(long a) : axis(a) {}
  std::string name() const override { return "gather"; }
  bool vector_mode() const override { return true; }
  std::optional<Place> place(std::span<const Placed> x, std::size_t) const override {
    if (!(x[0].examples == x[1].examples)) return std::nullopt;
    return place_beside(x[0], static_cast<std::size_t>(-axis));
  }
  Spec infer(std::span<const Spec> x) const override {
    const std::size_t a = resolve_axis(axis, x[0].shape.rank(), "gather");
    Shape expected = x[0].shape;
    if (x[1].shape.rank() == expected.rank()) expected[a] = x[1].shape[a];
    if (!(x[1].shape == expected))
      throw shape_error("[gather] an index " + to_string(x[1].shape) + " for " + to_string(x[0].shape) +
                        ". Their extents must be the same outside axis " + std::to_string(a) + ".");
    check_block_size(x[0].shape.slice(a, x[0].shape.rank()).size(), "gather");
    const bool apart = x[0].examples == x[1].examples && (a > 0 || x[0].examples == Examples::none);
    return {x[1].shape, apart ? x[0].examples : Examples::mixed};
  }
  Shared picks(const Shape& from, const Array<T>& index) const {
    const std::size_t a = resolve_axis(axis, from.rank(), "gather"), inner = from.slice(a + 1, from.rank()).size();
    std::vector<std::size_t> entries(index.size());
    const std::size_t bad = kernels::to_indices(index.size(), index.data(), from[a], entries.data());
    if (bad < index.size()) {
      std::ostringstream text;
      text << "[gather] index " << index[bad] << " at place " << bad << " of " << index.shape() << " for axis " << a
           << " of " << from << ". They are whole numbers below " << from[a] << ".";
      throw data_error(text.str());
    }
    auto s = std::make_shared<Selection>();
    s->from = from;
    s->to = index.shape();
    s->blocks = from.slice(0, a).size();
    s->index.resize(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i)
      s->index[i] = static_cast<std::uint32_t>(entries[i] * inner + i % std::max<std::size_t>(inner, 1));
    return s;
  }
  Array<T> eval(std::span<const Array<T>> x) const override {
    Array<T> y(x[1].shape());
    const Shared s = picks(x[0].shape(), x[1]);
    if (y.size() > 0)
      kernels::select(1, s->blocks, s->from.size() / s->blocks, s->to.size() / s->blocks, s->index.data(), x[0].data(),
                      y.mutable_data());
    return y;
  }
  Var<T> jvp(Vars<T> x, const Var<T>&, Vars<T> dx) const override {
    return dx[0].defined() ? select(dx[0], picks(x[0].shape(), x[1].value())) : Var<T>();
  }
  std::vector<Var<T>> vjp(Vars<T> x, const Var<T>&, const Var<T>& ybar, const Wanted& wanted) const override {
    std::vector<Var<T>> out(2);
    if (wanted[0]) out[0] = unselect(ybar, picks(x[0].shape(), x[1].value()));
    return out;
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

template <class T>
Var<T> gather(const Var<T>& x, long axis, const Var<T>& index) {
  const std::size_t a = resolve_axis(axis, x.rank(), "gather");
  return apply_op(GatherAlong<T>(static_cast<long>(a) - static_cast<long>(x.rank())), x, index);
}

template Var<float> gather(const Var<float>&, long, const Var<float>&);
template Var<double> gather(const Var<double>&, long, const Var<double>&);
template Var<float> select(const Var<float>&, Shared);
template Var<double> select(const Var<double>&, Shared);
template Var<float> unselect(const Var<float>&, Shared);
template Var<double> unselect(const Var<double>&, Shared);

}  // namespace xtangent
