#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/op.hpp"

/// Recordings of ops, and the sweeps over them.
namespace xtangent {

/// Where a node was recorded, for messages: see origin.hpp.
struct Origin {
  const char* function = nullptr;  ///< that the user called, where it is made of several ops
  std::shared_ptr<const std::string> place;
};

/// One recorded value: the op that made it (none for a leaf), where its arguments stand, and the value.
template <class T>
struct Node {
  struct Argument {
    Var<T> value;             // detached; what unrecorded sweeps hand to rules
    std::int64_t index = -1;  // position on the tape, or -1 for a constant
    std::uint64_t serial = 0;
  };
  std::shared_ptr<const Op<T>> op;
  std::vector<Argument> arguments;
  Var<T> value;  // detached
  std::uint64_t serial = 0;
  Origin origin;
  bool moved = false;  ///< marked mixed because examples stand in another axis than 0, where ops can follow them

  /// What the user called: a function made of several ops, or the op itself.
  std::string name() const { return origin.function ? origin.function : op ? op->name() : "leaf"; }
};

/// The nodes behind a Tape. Append-only, so every argument stands before its use and sweeps are plain loops.
template <class T>
struct Record {
  std::vector<Node<T>> nodes;
  std::uint64_t next_serial = 1;
  Origin origin;  ///< where nodes are recorded now

  /// Is the node that x stands on still there? Not after a rewind.
  bool holds(const Var<T>& x) const { return x.position() < nodes.size() && nodes[x.position()].serial == x.serial(); }
};

struct TapeStatistics {
  std::size_t nodes = 0;
  std::size_t leaves = 0;
  std::size_t bytes = 0;  ///< in all values that nodes hold, shared buffers counted once
};

/// An append-only recording of ops. One recording serves many sweeps. Not copyable; Vars keep its nodes alive.
/// Not thread-safe: one thread records or sweeps a tape at a time; different tapes are independent.
template <Scalar T>
class Tape {
 public:
  Tape() : record_(std::make_shared<Record<T>>()) {}
  /// Goes on with the recording that a Var stands on.
  explicit Tape(std::shared_ptr<Record<T>> record) : record_(std::move(record)) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  Tape(Tape&&) noexcept = default;
  Tape& operator=(Tape&&) noexcept = default;

  /// A new leaf: a value that derivatives can be taken with respect to. Throws tape_error for an undefined value.
  Var<T> variable(Array<T> value, Examples examples = Examples::none);

  std::size_t size() const { return record_->nodes.size(); }
  /// The current position, to rewind to.
  std::size_t mark() const { return size(); }
  /// Forgets all nodes from `mark` on; Vars of that part are refused from then on. Throws tape_error if mark > size().
  void rewind(std::size_t mark);
  TapeStatistics statistics() const;

  const std::shared_ptr<Record<T>>& record() const { return record_; }

 private:
  std::shared_ptr<Record<T>> record_;
};

struct SweepOptions {
  bool record = false;  ///< record the sweep itself, so that its results can be differentiated again
};

/// Reverse sweep: cotangents of `inputs` for the cotangent `ybar` of `y`, in the order of `inputs`.
/// ybar has the shape of y, or (K, shape of y) for K seeds in one sweep; each result has the shape of its input, with
/// the same probe axis. It is undefined if y does not depend on that input. Cost: about two forward passes a seed.
/// Where y or ybar carry tangents of streaming forward mode, so do the results.
/// Throws tape_error (y or an input not on the tape), shape_error (ybar), rule_error (an op's rule misbehaves).
template <class T>
std::vector<Var<T>> pullback(const Var<T>& y, const Var<T>& ybar, VarListOf<T> inputs, SweepOptions options = {});

/// Forward sweep over the same recording: the tangents of `outputs` for given tangents of `inputs`. If one of these is
/// undefined, it counts as zero. All may carry the same probe axis. A result is undefined if its output depends on no
/// input. If one input was computed from another, its given tangent is added to the one that arrives from the other.
/// In the same way pullback sends a cotangent on, through such an input, to the input from which it was computed.
template <class T>
std::vector<Var<T>> pushforward(VarListOf<T> outputs, VarListOf<T> inputs, VarListOf<T> tangents,
                                SweepOptions options = {});
/// The same for one output: pushforward(y, {a, b}, {da, db}).
template <class T>
Var<T> pushforward(const Var<T>& y, VarListOf<T> inputs, VarListOf<T> tangents, SweepOptions options = {}) {
  return pushforward<T>(VarList<T>{y}, inputs, tangents, options).front();
}

template <class V>
struct ValueAndTangent {
  V value, tangent;
};
/// Streaming forward mode: value and tangent of f at x along dx, keeping only live values (no tape).
/// f maps a span of Vars to one Var. Nests with itself and with tapes.
template <class T>
ValueAndTangent<Var<T>> push_streaming(const std::function<Var<T>(Vars<T>)>& f, VarListOf<T> x, VarListOf<T> dx);

/// The Var at a position of the tape, for rules that are recorded. Throws tape_error for a rewound position.
template <class T>
Var<T> var_at(const std::shared_ptr<Record<T>>& record, std::size_t index);

/// Which nodes depend on one of `inputs` (positions), up to and including `last`.
template <class T>
std::vector<bool> depends_on(const Record<T>& record, std::span<const std::size_t> inputs, std::size_t last);

/// Which nodes, up to and including `last`, that one depends on.
template <class T>
std::vector<bool> reach(const Record<T>& record, std::size_t last);
/// The first node on the way from the nodes that are `active` to `last` that mixes examples, or that moves them away
/// from axis 0 and is `last` itself. Nothing if there is none.
template <class T>
std::optional<std::size_t> first_mixing(const Record<T>& record, const std::vector<bool>& active, std::size_t last);

/// Position of a Var on its tape. Throws tape_error naming `who` unless it stands on `record` and was not rewound.
template <class T>
std::size_t checked_position(const Record<T>* record, const Var<T>& x, const char* who);

/// a + b where both are constants: adds into a's buffer when nobody else holds it.
template <class T>
void accumulate(Var<T>& sum, const Var<T>& term);

}  // namespace xtangent
