#pragma once

#include <cstdint>
#include <memory>

#include "autodiff/array.hpp"

/// Var, the argument and the result of ops: a value, and its place on a tape.
namespace xtangent {

/// Whether axis 0 of a value runs over examples. `mixed`: examples were combined (a sum over axis 0, batch norm in
/// training mode), or stand in another axis (Var::moved). Per-example derivatives refuse an output with this mark, and
/// what combines examples on the way to it, with batch_error.
enum class Examples : std::uint8_t { none, axis0, mixed };

/// What `Op::infer` knows of a value: its shape, and whether axis 0 runs over examples.
struct Spec {
  Shape shape;
  Examples examples = Examples::none;
};

/// Where examples stand in a value: in the axis that is number `back` from the right (1 is the last one), which has
/// before * N * behind entries, or nowhere (back = 0). Axis 0 of (N, T, E) merged with the next one, (N T, E), is
/// {2, 1, T}; examples in second place, (T, N, E), are {2, 1, 1}. A single example may have no axis at all: back is
/// then larger than the rank.
struct Place {
  std::size_t back = 0, before = 1, behind = 1;
  friend bool operator==(const Place&, const Place&) = default;
};

template <class T>
struct Record;
template <class T>
struct Dual;
template <class T>
struct Moved;

/// A value and its place on a tape. A Var on no tape is a constant. Cheap to copy.
template <Scalar T>
class Var {
 public:
  /// An undefined Var, which stands for "no argument" or "no derivative".
  Var() = default;
  /// A constant.
  Var(Array<T> value, Examples examples = Examples::none) : value_(std::move(value)), examples_(examples) {}
  /// A constant from any xtensor expression. Include <autodiff/xtensor.hpp>.
  template <class E>
  Var(const xt::xexpression<E>& expression) : Var(Array<T>(expression)) {}

  bool defined() const { return value_.defined(); }
  /// The value. Throws unknown_value in a recording of shapes alone.
  const Array<T>& value() const {
    if (value_.unknown() && value_.unknown()->guarded) throw unknown_value();
    return value_;
  }
  /// The value, or, in a recording of shapes alone, an array of which only the shape is known.
  const Array<T>& array() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  std::size_t rank() const { return value_.rank(); }
  std::size_t size() const { return value_.size(); }
  Examples examples() const { return examples_; }
  Spec spec() const { return {value_.shape(), examples_}; }

  bool on_tape() const { return record_ != nullptr; }
  /// Position on its tape, for messages.
  std::size_t position() const { return index_; }
  /// Whether it has a value, is on no tape and carries no tangent. Rules on such Vars only compute values.
  bool is_constant() const { return !record_ && !dual_ && !value_.unknown(); }
  /// The value alone, as a constant.
  Var detached() const;

  /// Where the examples stand if they were moved away from axis 0 and are not mixed, else null. The mark of such a
  /// value is `mixed`, for ops that know axis 0 only.
  const std::shared_ptr<const Moved<T>>& moved() const { return moved_; }
  /// The same Var with examples that were moved.
  Var with_moved(Moved<T> moved) const;

  // The engine (tape.cpp) uses these: where the value was recorded, and the tangent it carries in streaming forward
  // mode.
  Var(Array<T> value, Examples examples, std::shared_ptr<Record<T>> record, std::size_t index, std::uint64_t serial)
      : value_(std::move(value)), examples_(examples), record_(std::move(record)), index_(index), serial_(serial) {}
  explicit Var(std::shared_ptr<const Dual<T>> dual);
  const std::shared_ptr<Record<T>>& record() const { return record_; }
  std::uint64_t serial() const { return serial_; }
  const std::shared_ptr<const Dual<T>>& dual() const { return dual_; }

 private:
  Array<T> value_;
  Examples examples_ = Examples::none;
  std::shared_ptr<Record<T>> record_;
  std::size_t index_ = 0;
  std::uint64_t serial_ = 0;
  std::shared_ptr<const Moved<T>> moved_;
  std::shared_ptr<const Dual<T>> dual_;
};

/// The same elements with the examples in front: of (N, shape), where the axis of examples in `shape` has its extent
/// divided by N.
template <class T>
struct Moved {
  Var<T> front;
  Place place;
};

template <Scalar T>
Var<T> Var<T>::with_moved(Moved<T> moved) const {
  Var out = *this;
  out.moved_ = std::make_shared<const Moved<T>>(std::move(moved));
  return out;
}
template <Scalar T>
Var<T> Var<T>::detached() const {
  const Var out(value_, examples_);
  return moved_ ? out.with_moved({moved_->front.detached(), moved_->place}) : out;
}

/// A value and its tangent in streaming forward mode. Levels keep nested derivatives apart: the innermost call of
/// jvp has the highest level, and apply differentiates the highest level first.
template <class T>
struct Dual {
  std::uint64_t level;
  Var<T> primal, tangent;
};

template <Scalar T>
Var<T>::Var(std::shared_ptr<const Dual<T>> dual)
    : value_(dual->primal.array()),
      examples_(dual->primal.examples()),
      moved_(dual->primal.moved()),
      dual_(std::move(dual)) {}

/// A constant whose axis 0 runs over examples. Throws shape_error for a scalar.
template <class T>
Var<T> batched(Array<T> value) {
  if (value.rank() == 0) throw shape_error("[batched] a scalar has no axis that could run over examples.");
  return Var<T>(std::move(value), Examples::axis0);
}

/// A constant of one value in a shape of its own that carries the mark of examples of x, where x has it: what begins
/// beside x and is not x, such as the state of a recurrent network before its first step,
///
///     Var<T> state = zeros_like(x, {x.shape()[0], hidden});
///
/// Where the examples of x were moved to another axis, they are in the same axis of a shape of the same rank.
/// Throws shape_error where x is marked and `shape` has another number of examples.
template <class T>
Var<T> full_like(const Var<T>& x, const Shape& shape, double value) {
  if (x.moved()) {
    const Place place = x.moved()->place;
    const std::size_t n = x.moved()->front.shape().front();
    const Var<T> out(Array<T>::full(shape, static_cast<T>(value)), Examples::mixed);
    const bool alone = place.back > x.rank();  // a single example without an axis of its own
    if (shape.rank() == x.rank() && shape.rank() < Shape::max_rank &&
        (alone || shape.from_right(place.back) == x.shape().from_right(place.back))) {
      Shape front = shape;
      if (!alone) front[shape.rank() - place.back] = place.before * place.behind;
      return out.with_moved(
          {Var<T>(Array<T>::full(front.prepended(n), static_cast<T>(value)), Examples::axis0), place});
    }
  }
  const bool marked = x.examples() == Examples::axis0;
  if (marked && (shape.rank() == 0 || shape.front() != x.shape().front()))
    throw shape_error("[full_like] shape " + to_string(shape) + " beside the examples of " + to_string(x.shape()) +
                      ". Axis 0 must run over the same examples.");
  return Var<T>(Array<T>::full(shape, static_cast<T>(value)), marked ? Examples::axis0 : Examples::none);
}
template <class T>
Var<T> full_like(const Var<T>& x, double value) {
  return full_like(x, x.shape(), value);
}
template <class T>
Var<T> zeros_like(const Var<T>& x, const Shape& shape) {
  return full_like(x, shape, 0.0);
}
template <class T>
Var<T> zeros_like(const Var<T>& x) {
  return full_like(x, x.shape(), 0.0);
}
template <class T>
Var<T> ones_like(const Var<T>& x, const Shape& shape) {
  return full_like(x, shape, 1.0);
}
template <class T>
Var<T> ones_like(const Var<T>& x) {
  return full_like(x, x.shape(), 1.0);
}

}  // namespace xtangent
