#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ntk/contraction/shapes.hpp"
#include "ntk/planning/grid.hpp"

/// What a kernel costs and how it will be computed, before it is.
namespace xtangent::ntk {

struct Rule;
const char* name(const Rule& rule);
/// A contraction rule by its name, for Options::rule. Throws option_error listing the names there are.
const Rule& rule_named(std::string_view name);

enum class Strategy {
  automatic,        ///< the cheapest of the others, by FLOP
  structured,       ///< reverse sweeps; the uses of each parameter contracted in factored form by their cheapest rule
  jacobian,         ///< the reference: per-example gradients (N K, P) and one product
  vector_products,  ///< NTK-vector products: pushforward(pullback(e)), one example of the columns after the other
};
const char* name(Strategy strategy);

/// What a progress callback is told.
struct Progress {
  double fraction = 0;      ///< of the floating-point work
  double seconds = 0;       ///< since the start
  double seconds_left = 0;  ///< estimated
};

/// Bytes by which the memory of the process may exceed `Options::memory`: 64 MiB, and 32 MiB for each thread. Buffers
/// of OpenBLAS and oneTBB, stacks, small allocations.
std::size_t memory_overhead();

struct Options {
  Strategy strategy = Strategy::automatic;
  /// Bytes that a computation may hold at most, its result included, besides what the process holds already; 0: half of
  /// what the machine has free. The process' peak stays below that and memory_overhead().
  std::size_t memory = 0;
  /// Examples along a tile of the kernel; 0: as memory and shapes ask for.
  std::size_t tile = 0;
  /// For every parameter where it is right, this rule instead of the cheapest: to measure, not to gain speed.
  const Rule* rule = nullptr;
  /// Called from the calling thread between pieces of work. An exception thrown from it stops the computation and
  /// reaches the caller; with a store, another call goes on from there.
  std::function<void(const Progress&)> progress = {};
  /// A folder that takes finished tiles, see store.hpp: a call that was interrupted, however it was, goes on where it
  /// stopped and ends with the same bits. Empty: none.
  std::filesystem::path store = {};
};

/// How the work is cut: what a run that goes on must keep to, so that its tiles have the bits of an uninterrupted run.
struct Partition {
  Strategy strategy = Strategy::structured;
  std::size_t tile = 0;       ///< examples along a tile
  std::size_t panel = 0;      ///< examples of the rows that are kept while columns pass
  std::size_t shard = 0;      ///< examples a recording
  bool rows_held = false;     ///< factors of a whole panel are held; else swept in step with the columns
  bool columns_held = false;  ///< the same for the columns of a tile
  bool operator==(const Partition&) const = default;
};

/// How the uses of one parameter will be contracted.
struct TermPlan {
  std::string parameter;  ///< its name
  std::size_t index = 0;  ///< its number among the network's parameters
  std::string op;         ///< the op that uses it, the last one of the network where there are several
  Term term;
  const Rule* rule = nullptr;
  RuleCost cost = {};      ///< FLOP in all; bytes that one contraction needs besides its sides
  double held_bytes = 0;   ///< by a side, for each example
  bool with_bias = false;  ///< the next term is this layer's bias and is contracted with it
  bool fused = false;      ///< contracted with the term before it
};

/// Which term the uses belong to that a reverse sweep finds, in the order of the sweep.
struct UsePlan {
  std::size_t term = 0;
  FactorKind kind = FactorKind::dense;
  bool last = true;  ///< of its term: all factors are there
};

/// What a kernel will cost, from shapes alone: only two examples are sent through the network.
struct Plan {
  std::size_t rows = 0, columns = 0, outputs = 0, probes = 1, parameters = 0;
  bool symmetric = false;
  ProbeMode mode = ProbeMode::cross;
  Strategy strategy = Strategy::structured;
  std::string readout;
  Grid grid;
  Partition partition;
  std::size_t shards_at_once = 1;  ///< recordings that are swept at a time where factors are held
  std::size_t room = 0;            ///< bytes of gradients that a contraction forms at a time
  std::vector<TermPlan> terms;     ///< in the order in which a sweep completes them
  std::vector<UsePlan> uses;
  double sweep_flop = 0;        ///< forward and backward passes, in all
  double contraction_flop = 0;  ///< in all
  double result_bytes = 0;      ///< of the kernel
  double result_held = 0;       ///< the part of them that is held in memory: less for packed and stored kernels
  double working_bytes = 0;     ///< besides the result
  double waiting_bytes = 0;     ///< one example's factors that wait for further uses of their parameters
  double budget_bytes = 0;
  double forward_flop = 0, backward_flop = 0;  ///< of one example, and probe
  std::size_t scalar_bytes = 4;

  double flop() const { return sweep_flop + contraction_flop; }
  double bytes() const { return result_held + working_bytes; }
  /// Seconds at a matrix-product speed in FLOP a second.
  double seconds(double flop_per_second) const { return flop() / flop_per_second; }
};

/// A table: parameter by parameter the rule, FLOP and bytes, equal ones in one row and small ones summed up; then
/// tiles, totals and the predicted time (from a matrix product that is timed once a process).
std::ostream& operator<<(std::ostream& out, const Plan& plan);

/// Speed of a large matrix product in scalars of that size, FLOP a second; measured once a process, about 20 ms.
double product_speed(std::size_t scalar_bytes);

/// Where the kernel will be.
enum class Residence { dense, packed, stored };

}  // namespace xtangent::ntk
