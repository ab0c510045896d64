#pragma once

#include <optional>
#include <string>

#include "ntk/plan.hpp"
#include "ntk/planning/panels.hpp"
#include "ntk/planning/profile.hpp"

/// How plans are made, and what they say about pieces of the work. Arithmetic on shapes, nothing is run.
namespace xtangent::ntk {

/// The kernel that a plan is made for. symmetric: the same examples on both sides.
struct Order {
  std::size_t rows = 0, columns = 0;  ///< examples
  bool symmetric = false;
  std::size_t scalar_bytes = sizeof(float);
  Residence residence = Residence::dense;
};

/// `given`: how a store was begun. Throws memory_error when nothing fits, saying what would.
Plan make_plan(const Profile& profile, const Order& order, const Readout& readout, const Options& options,
               const std::optional<Partition>& given = std::nullopt);

/// The way to cut the work that takes the least of it among those that fit the budget. Throws memory_error.
void choose_partition(Plan& plan, const Profile& profile, const Options& options, Residence residence);
/// Cuts it as an earlier run did. Throws memory_error.
void keep_partition(Plan& plan, const Profile& profile, const Partition& given);

/// Sets the plan's FLOP, in all and for each term, and the scratch bytes of its terms.
void count_work(Plan& plan);
/// FLOP of sweeps of n examples.
double sweep_flop(const Plan& plan, std::size_t n);
/// FLOP of one term's contraction of n with m examples. diagonal: the same ones.
double contraction_flop(const Plan& plan, const TermPlan& term, std::size_t n, std::size_t m, bool diagonal);
/// FLOP of vector products of one column's example with n rows.
double product_flop(const Plan& plan, std::size_t n);
/// FLOP of what is done for a panel's rows alone, and for one of its columns.
double panel_flop(const Plan& plan, const Panel& panel);
double column_flop(const Plan& plan, const Panel& panel, const ColumnOfTiles& column);

/// Bytes that a plan's computation holds at most besides its result.
double working_bytes(const Plan& plan, const Profile& profile);
/// Bytes that one example takes on its way through a sweep, factors that wait for further uses included.
double sweep_bytes(const Plan& plan, const Profile& profile);

/// A block that is contracted.
BlockShape block_shape(const Plan& plan, std::size_t rows, std::size_t columns, bool symmetric);

/// "1.25 GiB"
std::string readable_bytes(double bytes);
/// "3.20 GFLOP"
std::string readable_number(double value, const char* unit);

}  // namespace xtangent::ntk
