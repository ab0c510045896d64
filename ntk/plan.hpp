#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ntk/contraction/rule_names.hpp"
#include "ntk/contraction/shapes.hpp"
#include "ntk/metric.hpp"
#include "ntk/planning/grid.hpp"
#include "ntk/sharing.hpp"

/// Plans: how a kernel will be computed and what that will cost.
namespace xtangent::ntk {

enum class Strategy {
  automatic,   ///< the one of the others that needs the fewest FLOP
  structured,  ///< reverse sweeps; the uses of each parameter are contracted in factored form by their cheapest rule
  jacobian,    ///< the reference: per-example gradients (N K, P) and one product
  vector_products,  ///< NTK-vector products: pushforward(pullback(e)) for one example of the columns after the other
};
const char* name(Strategy strategy);
/// The strategy of a name. Throws option_error, which lists the names.
Strategy parse_strategy(std::string_view text);

/// The numbers in which gradients are multiplied.
enum class Precision {
  exact,     ///< those of the network's parameters
  bfloat16,  ///< in float: gradients of large weights that are formed, and features, are rounded to bfloat16
};
const char* name(Precision precision);
/// The precision of a name. Throws option_error, which lists the names.
Precision parse_precision(std::string_view text);

/// How far a computation has come, for a progress callback.
struct Progress {
  double fraction = 0;      ///< share of the floating-point operations that is done, from 0 to 1
  double seconds = 0;       ///< time since the start
  double seconds_left = 0;  ///< estimate of the time that is left
};

/// Bytes by which the memory of the process may exceed `Options::memory`: 64 MiB, and 32 MiB for each thread. They are
/// for buffers of OpenBLAS and oneTBB, stacks and small allocations.
std::size_t memory_overhead();

/// The least number of elements of a weight whose gradients Precision::bfloat16 rounds.
inline constexpr std::size_t least_rounded = std::size_t{1} << 16;

struct Options {
  Strategy strategy = Strategy::automatic;
  /// With Precision::bfloat16 the structured strategy rounds the gradients of weights of at least least_rounded
  /// elements that the rule materialize contracts. Their sums are in float, and all else stays as it is. An entry of
  /// the kernel of a ResNet18 is then wrong by at most 1e-5 of sqrt(K(i, i) K(j, j)). Processors with AVX512-BF16 or
  /// AMX multiply faster; on all others it saves memory alone. Throws option_error for networks in double.
  Precision precision = Precision::exact;
  /// The largest number of bytes that a computation may hold, including its result, besides what the process holds
  /// already, such as the examples. 0 means half of the memory that the machine has free, or 2 GiB for a kernel that
  /// processes share, because they must all cut it alike. The peak of the process stays below the sum of these and
  /// memory_overhead().
  std::size_t memory = 0;
  /// The parameters whose gradients count, as patterns of their names: {"layer4.*", "!*.bias"}, see nn/choice.hpp. All
  /// others are constants, and sweeps stop where no chosen one lies below. Empty means all. Throws parameter_error.
  std::vector<std::string> parameters = {};
  /// A positive diagonal D, with which the kernel is J D J^T. A number for each array costs nothing; numbers for
  /// elements need the gradients themselves. Throws shape_error (sizes that are not the network's), option_error (both
  /// are given), numerical_error (a number is not positive and finite).
  Metric metric = {};
  /// Examples along the edge of a tile of the kernel. 0 lets the memory and the shapes decide.
  std::size_t tile = 0;
  /// A rule that replaces the cheapest one for every parameter where it is right. This is for measurements; it does not
  /// gain speed.
  const Rule* rule = nullptr;
  /// Called between pieces of work by the thread that asked for the kernel. An exception thrown from it stops the
  /// computation and reaches the caller. If there is a store, another call continues from there.
  std::function<void(const Progress&)> progress = {};
  /// A folder for finished tiles, see store.hpp. After an interruption of any kind, the same call continues where the
  /// last one stopped and ends with the same bits. Empty means no store.
  std::filesystem::path store = {};
  /// Whether other processes compute in the folder `store` at the same time, see sharing.hpp. By default another
  /// process is refused. With claims a call returns the whole kernel, and progress is that of all processes; with a
  /// shard, whose call ends after its own part, StoredKernel::complete() says whether the others have finished. Throws
  /// option_error (there is no store, or a number is out of range).
  Sharing sharing = {};
};

/// How the work is cut. A run that continues an interrupted one must keep to the same cut, so that its tiles have the
/// bits of an uninterrupted run.
struct Partition {
  Strategy strategy = Strategy::structured;
  std::size_t tile = 0;    ///< examples along a tile
  std::size_t panel = 0;   ///< examples of the rows that are kept while the columns are computed
  std::size_t shard = 0;   ///< examples in a recording
  bool rows_held = false;  ///< the factors of a whole panel are held; otherwise they are swept in step with the columns
  bool columns_held = false;  ///< the same for the columns of a tile
  std::size_t room = 0;       ///< Plan::room, which decides how sums are cut; 0: the budget says it
  bool operator==(const Partition&) const = default;
};

/// How the uses of one parameter will be contracted.
struct TermPlan {
  std::string parameter;  ///< its name
  std::size_t index = 0;  ///< its number among the parameters of the network
  std::string op;         ///< the op that uses it, or the last of them if there are several
  Term term;
  const Rule* rule = nullptr;
  RuleCost cost = {};            ///< FLOP of all contractions, and bytes that one of them needs besides its sides
  bool elementwise = false;      ///< the metric has a number for each element
  double metric = 1;             ///< or one for the parameter
  double held_bytes = 0;         ///< bytes that a side holds for each example of the rows
  double column_held_bytes = 0;  ///< and for each example of the columns
  std::size_t group = 0;         ///< the kernel of the plan to which it belongs
  bool with_bias = false;        ///< the next term is the bias of this layer and is contracted with it
  bool fused = false;            ///< this term is contracted with the one before it
};

/// The term to which a use belongs. A plan lists the uses in the order in which a reverse sweep finds them.
struct UsePlan {
  std::size_t term = 0;
  UseShape shape = {};
  bool last = true;  ///< the last use of its term, after which all factors are there
};

/// How a kernel will be computed and what it will cost. Everything follows from shapes. Only a network that looks at
/// values is run, on two examples.
struct Plan {
  std::size_t rows = 0, columns = 0, outputs = 0, parameters = 0;
  std::size_t probes = 1, column_probes = 1;  ///< K for each example of the rows, and K' of the columns
  bool symmetric = false;
  bool common_readout = true;  ///< all examples have the same readout
  bool stored = false;         ///< finished tiles go into a folder
  Sharing::Mode sharing = Sharing::Mode::exclusive;
  Shard shard = {};  ///< the part of the kernel that this process computes, for Sharing::Mode::shard
  ProbeMode mode = ProbeMode::cross;
  Strategy strategy = Strategy::structured;
  Precision precision = Precision::exact;
  std::string readout;
  Grid grid;
  Partition partition;
  std::size_t kernels = 1;         ///< kernels of groups of parameters that are computed in one pass
  std::size_t tasks = 1;           ///< tasks that run at the same time, for which the memory was counted
  std::size_t shards_at_once = 1;  ///< recordings that are swept at the same time if factors are held
  std::size_t room = 0;            ///< bytes of gradients that a contraction forms at a time
  std::vector<TermPlan> terms;     ///< in the order in which a sweep completes them
  std::vector<UsePlan> uses;
  double sweep_flop = 0;        ///< FLOP of all forward and backward passes
  double contraction_flop = 0;  ///< FLOP of all contractions
  double effort = 0;         ///< both, as the FLOP that large products do in the same time (ntk/contraction/effort.hpp)
  double result_bytes = 0;   ///< size of the kernel
  double result_held = 0;    ///< the part of result_bytes that is held in memory; packed and stored kernels hold less
  double working_bytes = 0;  ///< memory that is held besides the result
  double waiting_bytes = 0;  ///< factors of one example of the rows that wait for further uses of their parameters
  double column_waiting_bytes = 0;  ///< the same for an example of the columns
  double budget_bytes = 0;
  double forward_flop = 0, backward_flop = 0;      ///< for one example; backward_flop also for one probe
  double forward_effort = 0, backward_effort = 0;  ///< the same as FLOP of large products
  std::size_t scalar_bytes = 4;

  double flop() const { return sweep_flop + contraction_flop; }
  double bytes() const { return result_held + working_bytes; }
  /// Predicted seconds, from the speed of large matrix products in FLOP per second. On two cores of an EPYC with
  /// AVX-512 they were right within a factor of 1.3 for 22 of 24 kernels, and within 1.5 for all
  /// (docs/measurements.md).
  double seconds(double flop_per_second) const { return effort / flop_per_second; }
};

/// Writes a table with the rule, FLOP and bytes of each parameter, in which equal parameters share a row and small ones
/// are summed up. Then come the tiles, the totals, and the time that is predicted from product_speed().
std::ostream& operator<<(std::ostream& out, const Plan& plan);

/// The speed of a large product of matrices in bfloat16, measured like product_speed().
double rounded_product_speed();

/// The speed of a large matrix product in scalars of `scalar_bytes` bytes, in FLOP per second. It is measured once for
/// each of them in a process, which takes about a tenth of a second at most.
double product_speed(std::size_t scalar_bytes);

/// Where the finished kernel will be: in an array, in a packed triangle, or in a folder.
enum class Residence { dense, packed, stored };

}  // namespace xtangent::ntk
