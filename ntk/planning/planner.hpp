#pragma once

#include <optional>
#include <string>

#include "ntk/plan.hpp"
#include "ntk/planning/panels.hpp"
#include "ntk/planning/profile.hpp"

/// How plans are made, and what they say about pieces of the work. This is arithmetic on shapes; nothing is run.
namespace xtangent::ntk {

/// The kernel for which a plan is made. It is symmetric if both sides are the same examples.
struct Order {
  std::size_t rows = 0, columns = 0;  ///< examples
  bool symmetric = false;
  std::size_t scalar_bytes = sizeof(float);
  Residence residence = Residence::dense;
  std::vector<std::size_t> groups = {};  ///< for each parameter of the model the number of its kernel; none: all in one
};

/// Makes a plan. `given` is the partition with which a store was begun. Throws memory_error if nothing fits; the
/// message says what would fit.
Plan make_plan(const Profile& profile, const Order& order, const Readout& readout, const Options& options,
               const std::optional<Partition>& given = std::nullopt);

/// The terms and the shards of sweeps over examples alone, whose gradients are contracted with nothing.
Plan sweep_plan(const Profile& profile, std::size_t examples, std::size_t scalar_bytes, const Readout& readout,
                double budget);

/// Chooses the partition with the least work among those that fit the budget. Returns whether one does.
bool choose_partition(Plan& plan, const Profile& profile, const Options& options);
/// Uses the partition of an earlier run. Returns whether it fits the budget.
bool keep_partition(Plan& plan, const Profile& profile, const Partition& given);

/// Sets the FLOP of the plan and of each term, and the scratch bytes of its terms.
void count_work(Plan& plan);
/// FLOP of the sweeps of n examples of one side.
double sweep_flop(const Plan& plan, std::size_t n, Readout::Of side);
/// FLOP to contract one term between n and m examples. `diagonal` says that they are the same.
double contraction_flop(const Plan& plan, const TermPlan& term, std::size_t n, std::size_t m, bool diagonal);
/// FLOP of the vector products of the example of one column with n rows.
double product_flop(const Plan& plan, std::size_t n);
/// FLOP of the work for the rows of a panel alone, and for one of its columns.
double panel_flop(const Plan& plan, const Panel& panel);
double column_flop(const Plan& plan, const Panel& panel, const ColumnOfTiles& column);

/// The largest number of bytes that the computation holds besides its result.
double working_bytes(const Plan& plan, const Profile& profile);
/// Bytes that one example of a side takes during a sweep, including factors that wait for further uses.
double sweep_bytes(const Plan& plan, const Profile& profile, Readout::Of side);

/// The shape of a block that is contracted, and what its contraction may use.
BlockShape block_shape(const Plan& plan, std::size_t rows, std::size_t columns, bool symmetric);
Workspace workspace(const Plan& plan);

/// The number of tasks for which kernels are planned. It is the same on all machines, so that plans, and with them the
/// bits of kernels, do not depend on the number of cores.
inline constexpr std::size_t planned_tasks = 4;
/// The tasks that may run at the same time on this machine: as many as there are threads, if their memory fits the
/// budget. That number changes no bits.
std::size_t tasks_here(const Plan& plan, const Profile& profile);

/// "1.25 GiB"
std::string readable_bytes(double bytes);
/// The same, but rounded up, so that a budget of what is read is enough.
std::string readable_bytes_up(double bytes);
/// "3.20 GFLOP"
std::string readable_number(double value, const char* unit);

}  // namespace xtangent::ntk
