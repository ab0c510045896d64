#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "ntk/contract.hpp"
#include "ntk/model.hpp"
#include "ntk/readout.hpp"

namespace xtangent::ntk {

enum class Strategy {
  automatic,       ///< the cheaper of structured and vector_products, by FLOP
  structured,      ///< one reverse sweep; each use of a parameter contracted in factored form by its cheapest rule
  jacobian,        ///< the reference: per-example gradients (N C, P) and one product
  vector_products, ///< NTK-vector products: pushforward(pullback(e)), one example of the columns after the other
};
const char* name(Strategy strategy);

/// What a progress callback is told.
struct Progress {
  double fraction = 0;      ///< of the floating-point work
  double seconds = 0;       ///< since the start
  double seconds_left = 0;  ///< estimated
};

struct Options {
  Strategy strategy = Strategy::automatic;
  /// Bytes that a computation may hold at most, its result included; 0: half of what the machine has free.
  std::size_t memory = 0;
  /// Examples a block of rows or columns; 0: as many as fit in the memory.
  std::size_t block = 0;
  /// For every use where it is right, this rule instead of the cheapest: to measure, not to gain speed.
  std::optional<Rule> rule = {};
  /// Called from the calling thread between pieces of work. An exception thrown from it stops the computation and
  /// reaches the caller.
  std::function<void(const Progress&)> progress = {};
};

/// How one use of a parameter will be contracted.
struct UsePlan {
  std::string parameter;
  std::string op;
  std::size_t index = 0;  ///< of the parameter
  UseShape shape;
  Rule rule = Rule::materialize;
  RuleCost cost;          ///< for one pair of blocks
  double held_bytes = 0;  ///< of each example, on either side
  bool shares_left = false;  ///< its left factors are those of the use before it
  /// The next use is this linear layer's bias and is contracted with it: its left factors are the same.
  bool with_bias = false;
  bool fused = false;  ///< contracted with the use before it
};

/// What a kernel will cost, from shapes alone: nothing of it is run but two examples through the network.
struct Plan {
  std::size_t rows = 0, columns = 0, outputs = 0, probes = 1, parameters = 0;
  bool symmetric = false;
  ProbeMode mode = ProbeMode::cross;
  Strategy strategy = Strategy::structured;
  std::string readout;
  std::size_t block = 0;   ///< examples a block; pairs of blocks are contracted one after the other
  std::size_t shard = 0;   ///< examples a recording, for locality and threads
  std::size_t pairs = 1;   ///< of blocks
  std::vector<UsePlan> uses;
  double sweep_flop = 0;        ///< forward and backward passes, all blocks
  double contraction_flop = 0;  ///< all blocks
  double result_bytes = 0;
  double working_bytes = 0;     ///< besides the result
  double budget_bytes = 0;
  std::size_t scalar_bytes = 4;

  double flop() const { return sweep_flop + contraction_flop; }
  double bytes() const { return result_bytes + working_bytes; }
  /// Seconds at a matrix-product speed in FLOP a second.
  double seconds(double flop_per_second) const { return flop() / flop_per_second; }
};

/// A table: use by use its rule, FLOP and bytes; then blocks, totals and the predicted time (from a matrix product
/// that is timed once a process).
std::ostream& operator<<(std::ostream& out, const Plan& plan);

/// Speed of a large matrix product in scalars of that size, FLOP a second; measured once a process, about 20 ms.
double product_speed(std::size_t scalar_bytes);

/// Plans a kernel between `rows` and `columns` examples like the one in x (1, ...). symmetric: the same examples on both
/// sides. Throws shape_error (no examples, an output that is not (N, O)), memory_error when not even blocks of one
/// example fit, and what recording throws.
template <class T>
Plan make_plan(const Model<T>& model, const Array<T>& x, std::size_t rows, std::size_t columns, bool symmetric,
               const Readout& readout, const Options& options);

}  // namespace xtangent::ntk
