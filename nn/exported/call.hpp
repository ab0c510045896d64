#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/exported/graph.hpp"

/// What an op of an exported graph is given and returns.
///
/// The graph is interpreted for one example, and the engine carries N of them in front: an array of the graph is
/// `shape` to its ops, and (N, shape) to the engine if it depends on the examples. Axes of the graph therefore never
/// run over examples, whatever its ops do with its own axis of examples, which has one entry.
namespace xtangent::nn::exported {

/// An array of the graph.
template <class T>
struct Tensor {
  Var<T> value;
  Kind kind = Kind::floating;

  /// Whether it depends on the examples.
  bool per_example() const { return value.examples() != Examples::none; }
  /// How many axes of the value stand in front of those of the graph: 1, or 0 without examples.
  std::size_t front() const { return per_example() ? 1 : 0; }
  /// As the graph sees it.
  Shape shape() const { return value.shape().slice(front(), value.rank()); }
  std::size_t rank() const { return value.rank() - front(); }
};

template <class T>
struct Value;
template <class T>
using Values = std::vector<Value<T>>;

template <class T>
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Tensor<T>, Values<T>,
               std::shared_ptr<const Graph>>
      what;

  Value() = default;
  Value(Tensor<T> tensor) : what(std::move(tensor)) {}
  Value(Values<T> values) : what(std::move(values)) {}
  Value(bool v) : what(v) {}
  Value(std::int64_t v) : what(v) {}
  Value(double v) : what(v) {}
  bool none() const { return std::holds_alternative<std::monostate>(what); }
  const Tensor<T>* tensor() const { return std::get_if<Tensor<T>>(&what); }
};

/// An op that this library does not do in this way: what() says which argument.
struct unsupported_call : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A number without its fraction. Throws unsupported_call where it is beyond all 64-bit integers or no number, as after
/// a division by 0.
inline std::int64_t truncated(double value) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  if (!(value >= -limit && value < limit)) throw unsupported_call("with a number that no 64-bit integer can hold");
  return static_cast<std::int64_t>(value);
}

/// One call of an op, with its arguments by name. Throws unsupported_call for an argument of another type than asked
/// for.
template <class T>
class Call {
 public:
  using Element = T;

  Call(const Node& node, Values<T> arguments) : node_(node), arguments_(std::move(arguments)) {}

  const Node& node() const { return node_; }
  const Values<T>& arguments() const { return arguments_; }

  /// Null if it was not given, or given as None.
  const Value<T>* find(std::string_view name) const {
    for (std::size_t i = 0; i < arguments_.size(); ++i)
      if (node_.arguments[i].name == name) return arguments_[i].none() ? nullptr : &arguments_[i];
    return nullptr;
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  Tensor<T> tensor(std::string_view name) const;
  std::optional<Tensor<T>> tensor_or_none(std::string_view name) const;
  /// A list of arrays.
  std::vector<Tensor<T>> tensors(std::string_view name) const;
  /// The value, or one that is undefined.
  Var<T> var_or_none(std::string_view name) const;

  std::int64_t integer(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
    return has(name) ? integer(name) : otherwise;
  }
  double number(std::string_view name, double otherwise) const;
  bool boolean(std::string_view name, bool otherwise) const;
  std::string text(std::string_view name, const std::string& otherwise) const;
  /// A list of whole numbers; one number is a list of one.
  std::vector<std::int64_t> integers(std::string_view name) const;
  std::vector<std::int64_t> integers(std::string_view name, std::vector<std::int64_t> otherwise) const {
    return has(name) ? integers(name) : otherwise;
  }
  std::vector<double> numbers(std::string_view name) const;
  /// Extents: whole numbers that are not negative, `count` of them, or one for all.
  std::vector<std::size_t> extents(std::string_view name, std::size_t count, std::vector<std::int64_t> otherwise) const;

  /// A list of extents, none of which is negative.
  Shape shape(std::string_view name) const {
    Shape out;
    for (std::int64_t e : integers(name)) {
      if (e < 0) refuse("with a negative extent");
      out.push_back(static_cast<std::size_t>(e));
    }
    return out;
  }

  [[noreturn]] void refuse(const std::string& why) const { throw unsupported_call(why); }

 private:
  const Value<T>& given(std::string_view name) const;

  const Node& node_;
  Values<T> arguments_;
};

/// T of a Call<T>, for functions of any call.
template <class C>
using element_of = typename std::decay_t<C>::Element;

/// A number as an element. Finite ones stay finite: masks are filled with the lowest double.
template <class T>
T element(double value) {
  if (!std::isfinite(value)) return static_cast<T>(value);
  constexpr double most = std::numeric_limits<T>::max();
  return static_cast<T>(std::clamp(value, -most, most));
}
/// A number as an array without axes.
template <class T>
Tensor<T> scalar(double value, Kind kind) {
  return {Var<T>(Array<T>::scalar(element<T>(value))), kind};
}

/// The value of x with `rank` axes beside that of the examples, so that it broadcasts with others of that rank.
template <class T>
Var<T> lifted(const Tensor<T>& x, std::size_t rank) {
  if (!x.per_example() || x.rank() >= rank) return x.value;
  Shape shape{x.value.shape().front()};
  for (std::size_t i = x.rank(); i < rank; ++i) shape.push_back(1);
  return reshape(x.value, shape.joined(x.shape()));
}

/// An axis of the graph, which may count from the end, as an axis of the value.
template <class T>
std::size_t axis_of(const Tensor<T>& x, std::int64_t axis) {
  return resolve_axis(static_cast<long>(axis), x.rank(), "axis") + x.front();
}
template <class T>
std::vector<long> axes_of(const Tensor<T>& x, const std::vector<std::int64_t>& axes) {
  std::vector<long> out;
  for (std::int64_t axis : axes) out.push_back(static_cast<long>(axis_of(x, axis)));
  return out;
}

/// x in another shape, that of the graph.
template <class T>
Tensor<T> reshaped(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return {reshape(x.value, x.per_example() ? shape.prepended(x.value.shape().front()) : shape), x.kind};
}

/// x, or copies of it along new axes and along axes of one entry.
template <class T>
Tensor<T> expanded(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const Var<T> v = lifted(x, shape.rank());
  return {broadcast_to(v, x.per_example() ? shape.prepended(v.shape().front()) : shape), x.kind};
}

/// An axis of an array of the graph, which may count from the end.
template <class T>
std::size_t graph_axis(const Tensor<T>& x, std::int64_t axis) {
  return resolve_axis(static_cast<long>(axis), std::max<std::size_t>(x.rank(), 1), "axis");
}

/// The entries first, first + step, ... below `last` of one axis.
struct Piece {
  std::size_t axis;
  std::int64_t first, last, step = 1;
};
/// What slice, narrow or select takes of x, by the name of the op.
template <class T>
Piece piece_of(const Call<T>& c, const std::string& name, const Tensor<T>& x) {
  if (x.rank() == 0) c.refuse("of an array without axes");
  const std::size_t axis = graph_axis(x, c.integer("dim", 0));
  const auto extent = static_cast<std::int64_t>(x.shape()[axis]);
  const auto from_front = [&](std::int64_t v) { return v < 0 ? v + extent : v; };
  const auto bound = [&](std::int64_t v) { return std::clamp(from_front(v), std::int64_t(0), extent); };
  if (name == "slice") {
    const std::int64_t first = bound(c.integer("start", 0)), step = c.integer("step", 1);
    if (step < 1) c.refuse("with a step below 1");
    return {axis, first, std::max(first, bound(c.integer("end", std::numeric_limits<std::int64_t>::max()))), step};
  }
  const std::int64_t first = from_front(c.integer(name == "select" ? "index" : "start"));
  const std::int64_t last = first + (name == "select" ? 1 : c.integer("length"));
  if (first < 0 || last < first || last > extent) c.refuse("beyond an axis of " + std::to_string(extent));
  return {axis, first, last};
}
/// That piece of x.
template <class T>
Tensor<T> taken(const Tensor<T>& x, const Piece& piece) {
  if (piece.first == 0 && piece.last == static_cast<std::int64_t>(x.shape()[piece.axis]) && piece.step == 1) return x;
  const auto on = static_cast<long>(piece.axis + x.front());
  if (piece.step == 1)
    return {slice(x.value, on, static_cast<std::size_t>(piece.first), static_cast<std::size_t>(piece.last)), x.kind};
  std::vector<std::size_t> index;
  for (std::int64_t i = piece.first; i < piece.last; i += piece.step) index.push_back(static_cast<std::size_t>(i));
  return {gather(x.value, on, index), x.kind};
}

/// f of two arrays that broadcast.
template <class T, class F>
Tensor<T> binary(const Tensor<T>& a, const Tensor<T>& b, const F& f) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  return {f(lifted(a, rank), lifted(b, rank)), std::max(a.kind, b.kind)};
}

/// The same for all examples, if x does not depend on them, for ops that need an axis of examples in each argument.
template <class T>
Var<T> with_examples(const Tensor<T>& x, std::size_t n) {
  if (x.per_example()) return x.value;
  const Var<T> ones = batched(Array<T>::ones(Shape{n}));
  Shape shape{n};
  for (std::size_t i = 0; i < x.rank(); ++i) shape.push_back(1);
  return reshape(ones, shape) * x.value;
}

/// Arrays that meet in one axis: all of them have the examples, or none has.
template <class T>
std::vector<Var<T>> together(const std::vector<Tensor<T>>& parts) {
  const auto one = std::find_if(parts.begin(), parts.end(), [](const Tensor<T>& t) { return t.per_example(); });
  std::vector<Var<T>> out;
  for (const Tensor<T>& part : parts)
    out.push_back(one == parts.end() ? part.value : with_examples(part, one->value.shape().front()));
  return out;
}

template <class T>
Kind common_kind(const std::vector<Tensor<T>>& parts) {
  Kind kind = Kind::boolean;
  for (const Tensor<T>& part : parts) kind = std::max(kind, part.kind);
  return kind;
}

/// Arrays one after the other along an axis of the graph.
template <class T>
Tensor<T> joined_on(const std::vector<Tensor<T>>& parts, std::size_t axis) {
  if (parts.size() == 1) return parts.front();
  const std::vector<Var<T>> values = together(parts);
  const std::size_t before = values.front().rank() - parts.front().rank();
  return {concatenate<T>(values, static_cast<long>(axis + before)), common_kind(parts)};
}

/// `base` with the elements of a piece of it, which a call of `name` names, replaced by those of `part`.
template <class T>
Tensor<T> with_part(const Call<T>& c, const std::string& name, const Tensor<T>& base, Tensor<T> part) {
  const Piece piece = piece_of(c, name, base);
  if (piece.step != 1) c.refuse("in place on every other element");
  Shape shape = base.shape();
  const auto extent = static_cast<std::int64_t>(shape[piece.axis]);
  shape[piece.axis] = static_cast<std::size_t>(piece.last - piece.first);
  part = reshaped(part, shape);
  std::vector<Tensor<T>> parts;
  if (piece.first > 0) parts.push_back(taken(base, {piece.axis, 0, piece.first}));
  if (piece.last > piece.first) parts.push_back(part);
  if (piece.last < extent) parts.push_back(taken(base, {piece.axis, piece.last, extent}));
  Tensor<T> out = joined_on(parts, piece.axis);
  out.kind = base.kind;
  return out;
}

/// An op by its name without overload, for floats and doubles.
struct Row {
  std::function<Value<float>(const Call<float>&)> single;
  std::function<Value<double>(const Call<double>&)> twice;
};
using Table = std::unordered_map<std::string, Row>;

/// Adds ops to a table. `f` is called with a Call<float> or a Call<double>, and returns what converts to a Value.
template <class F>
void add(Table& table, std::initializer_list<const char*> names, F f) {
  for (const char* name : names)
    table[name] = {[f](const Call<float>& c) -> Value<float> { return f(c); },
                   [f](const Call<double>& c) -> Value<double> { return f(c); }};
}

}  // namespace xtangent::nn::exported
