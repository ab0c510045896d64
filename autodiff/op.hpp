#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "autodiff/var.hpp"

/// Primitives: what the library knows about an op, and how one runs.
namespace xtangent {

template <class T>
struct Factor;

/// Arguments of an op, tangents or cotangents: an undefined Var stands for "none".
template <class T>
using Vars = std::span<const Var<T>>;

/// The same where a user calls: also a vector, an array, or braces, pullback(y, ybar, {a, b}). Valid during the call.
template <class T>
struct VarList : Vars<T> {
  VarList() = default;
  VarList(const Var<T>* first, std::size_t count) : Vars<T>(first, count) {}
  template <class R>
  requires(!std::same_as<std::remove_cvref_t<R>, VarList> && std::constructible_from<Vars<T>, R>) VarList(R&& range)
      : Vars<T>(std::forward<R>(range)) {}
  VarList(std::initializer_list<Var<T>> x) : Vars<T>(x.begin(), x.size()) {}
};
/// A VarList whose T the other arguments say.
template <class T>
using VarListOf = VarList<std::type_identity_t<T>>;

/// Which arguments need a cotangent: a rule computes no other product.
using Wanted = std::vector<bool>;

/// The shape of an argument, and where its examples stand.
struct Placed {
  Shape shape;
  Place examples;
};

/// (N, shape) with N taken out of the axis of examples. Throws shape_error for more axes than a shape has.
Shape front_shape(Shape shape, const Place& place, std::size_t n);

/// One primitive: everything the library knows about it, in one small struct.
///
/// Shape comments in ops/: K probes (seeds of one sweep), N examples, C outputs and I inputs of a layer, D positions.
///
/// `jvp` and `vjp` are written with apply (through the functions of ops/), on Vars: over constants they just compute,
/// over recorded Vars they can be differentiated again. An op with `vector_mode()` accepts one leading probe axis on
/// tangents and cotangents: its rules address axes from the right. Without it, sweeps call the rule once a probe.
template <class T>
struct Op {
  virtual ~Op() = default;

  virtual std::string name() const = 0;

  /// Shape of the result and whether axis 0 still runs over examples. Makes every check a user can fail, before any
  /// allocation: throws shape_error.
  virtual Spec infer(std::span<const Spec> x) const = 0;

  /// The value. Arguments have passed infer.
  virtual Array<T> eval(std::span<const Array<T>> x) const = 0;

  /// Tangent of y = op(x) along dx; at least one of dx is defined.
  virtual Var<T> jvp(Vars<T> x, const Var<T>& y, Vars<T> dx) const = 0;

  /// Cotangents of the wanted arguments (undefined elsewhere, or where zero) for the cotangent ybar of y = op(x).
  virtual std::vector<Var<T>> vjp(Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted) const = 0;

  /// The gradient of each example with respect to an unbatched argument, in factored form (factor.hpp).
  /// Without a rule the sweep falls back to dense per-example gradients, which is always right.
  virtual std::optional<Factor<T>> factor(std::size_t argument, Vars<T> x, const Var<T>& ybar) const;

  /// Do jvp and vjp accept a leading probe axis?
  virtual bool vector_mode() const { return false; }

  /// Does the op only give its argument another shape? Factored gradients of a parameter pass through it as they are.
  virtual bool reshapes() const { return false; }

  /// Does the op only exchange the two axes of a matrix? Factored gradients of a parameter pass through it, too.
  virtual bool transposes() const { return false; }

  /// Where the n examples stand in the result, given where they stand in the arguments; asked only if they do not stand
  /// on axis 0 of all of them. Without a value the op may mix examples there. With one the op does the same at each
  /// entry of the axis of examples, so it runs on arguments with the examples in front (Moved::front), as in_front or
  /// as itself.
  virtual std::optional<Place> place(std::span<const Placed>, std::size_t /* n */) const { return std::nullopt; }

  /// The op for arguments with one more axis in front. Null means this op, whose axes all count from the right.
  virtual std::shared_ptr<const Op<T>> in_front(std::span<const Placed>, std::size_t /* n */) const { return nullptr; }

  /// Whether the op only moves the elements of its argument, as reshape and transpose do.
  virtual bool moves_examples() const { return false; }

  /// Floating-point operations of eval, for plans and summaries.
  virtual double flop(std::span<const Shape> x, const Shape& y) const;
};

/// The single way an op runs: infer, eval, and one push if an argument is on a tape; forward tangents ride along.
/// Throws what infer throws, and tape_error when arguments belong to different tapes or to a rewound part of one.
template <class T>
Var<T> apply(std::shared_ptr<const Op<T>> op, VarListOf<T> x);

template <class T, class O, class... V>
Var<T> apply_op(O op, const Var<T>& first, const V&... rest) {
  const Var<T> x[] = {first, rest...};
  return apply<T>(std::make_shared<const O>(std::move(op)), Vars<T>(x, 1 + sizeof...(rest)));
}

/// The place of all examples, which must be the same in all arguments that have them, while the others broadcast along
/// that axis. Nothing where they do not.
std::optional<Place> common_place(std::span<const Placed> x);
/// The place of the examples of x, for an op that works along another axis, number `back` from the right. Nothing where
/// it works along theirs.
std::optional<Place> place_beside(const Placed& x, std::size_t back);

/// How many probes a tangent or cotangent of a value of that rank carries: 0 when it has no probe axis.
template <class T>
std::size_t probes(const Var<T>& tangent, std::size_t rank) {
  return tangent.rank() == rank + 1 ? tangent.shape().front() : 0;
}

/// `shape` behind the probe axis of a tangent or cotangent of a value of that rank, if it has one.
template <class T>
Shape with_probes_of(const Var<T>& tangent, std::size_t rank, const Shape& shape) {
  return tangent.rank() == rank + 1 ? shape.prepended(tangent.shape().front()) : shape;
}

}  // namespace xtangent
