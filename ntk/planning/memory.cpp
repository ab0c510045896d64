// The bytes that the computation of a plan holds in memory.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "autodiff/kernels/parallel.hpp"
#include "ntk/contraction/gradients.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

std::string readable(double value, const char* unit, double base, bool up = false) {
  const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t i = 0;
  while (value >= base && i < 5) {
    value /= base;
    ++i;
  }
  if (up) value = std::ceil(value * 100) / 100;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s%s%s", i ? 2 : 0, value, prefixes[i], base == 1024 && i ? "i" : "", unit);
  return text;
}

using Of = Readout::Of;

// The bytes that sides hold for an example of the rows or of the columns: the largest side, and the sum of all.
struct Held {
  double all = 0, largest = 0;

  Held(const Plan& p, Of side) {
    for (const TermPlan& term : p.terms) {
      const double bytes = side == Of::rows ? term.held_bytes : term.column_held_bytes;
      largest = std::max(largest, bytes);
      all += bytes;
    }
  }
};

// The bytes of the blocks of all kernels between n x m examples.
double block_bytes(const Plan& p, double n, double m) {
  const double k = static_cast<double>(p.probes);
  return 8 * n * m * static_cast<double>(p.kernels) *
         (p.mode == ProbeMode::cross   ? k * static_cast<double>(p.column_probes)
          : p.mode == ProbeMode::equal ? k
                                       : 1);
}

double scratch_bytes(const Plan& p, std::size_t n, std::size_t m, bool diagonal) {
  double most = 0;
  for (const TermPlan& term : p.terms)
    if (!term.fused && n > 0)
      most = std::max(most, term.rule->cost(term.term, block_shape(p, n, m, diagonal), workspace(p)).bytes);
  return most;
}

// The cotangents that a readout of so many columns makes of the outputs of one example.
double combination_bytes(const Plan& p, std::size_t probes) {
  return static_cast<double>(probes * p.outputs * p.scalar_bytes);
}

// Vector products hold the recordings of the panel, the recording of one column with its K' cotangents of all
// parameters, and the tangents of all values of the shards that are computed at the same time.
double products_bytes(const Plan& p, const Profile& t, double panel, double tile, double flight) {
  const double k = static_cast<double>(p.column_probes);
  return (p.common_readout ? 0 : panel * combination_bytes(p, p.probes)) + panel * t.activation_bytes +
         t.column_sweep_bytes + 2 * k * t.parameter_bytes + flight * k * t.activation_bytes +
         block_bytes(p, panel, tile);
}

// Bytes of the lists of panels and of tiles. A stored tile has the name of its file and its checksum in memory.
double list_bytes(const Plan& p) {
  constexpr double stored_tile = 256;
  const double wide = static_cast<double>(p.grid.tile_columns()), high = static_cast<double>(p.grid.tile_rows()),
               panels = std::ceil(static_cast<double>(p.rows) / static_cast<double>(p.partition.panel));
  return panels * (sizeof(Panel) + wide * sizeof(ColumnOfTiles)) +
         (p.stored ? high * wide * static_cast<double>(p.kernels) * stored_tile : 0);
}

// Recordings that are held at the same time.
double recordings(const Plan& p, double threads) {
  const auto shards = [&](std::size_t n) {
    return std::ceil(static_cast<double>(n) / static_cast<double>(p.partition.shard));
  };
  if (p.strategy == Strategy::vector_products) return shards(p.partition.panel) + 1;
  if (!p.partition.rows_held) return shards(p.rows) + (p.symmetric ? 0 : shards(p.columns));
  return threads + (p.partition.columns_held ? 0 : shards(p.partition.tile));
}

}  // namespace

std::size_t memory_overhead() { return (std::size_t{64} + 32 * kernels::thread_count()) << 20; }

std::string readable_bytes(double bytes) { return readable(bytes, "B", 1024); }
std::string readable_bytes_up(double bytes) { return readable(bytes, "B", 1024, true); }
std::string readable_number(double value, const char* unit) { return readable(value, unit, 1000); }

double sweep_bytes(const Plan& p, const Profile& t, Of side) {
  const bool rows = side == Of::rows;
  const double sweep = rows ? t.sweep_bytes : t.column_sweep_bytes;
  if (p.strategy == Strategy::jacobian)
    return t.activation_bytes +
           static_cast<double>(rows ? p.probes : p.column_probes) * (sweep + 2 * t.parameter_bytes);
  return sweep + (rows ? p.waiting_bytes : p.column_waiting_bytes);
}

namespace {

// Scratch of the term that takes the most while it is put into a side.
double filling_bytes(const Plan& p) {
  std::size_t most = 0;
  for (const TermPlan& term : p.terms)
    for (const std::size_t probes : {p.probes, p.column_probes})  // with more of them a side may hold its factors
      most = std::max(most, term.rule->filling_bytes(term.term, std::max(p.rows, p.columns), probes, workspace(p)));
  return static_cast<double>(most);
}

}  // namespace

double working_bytes(const Plan& p, const Profile& t) {
  const double rows = static_cast<double>(p.rows), columns = static_cast<double>(p.columns);
  const double panel = std::min(static_cast<double>(p.partition.panel), rows);
  const double tile = std::min(static_cast<double>(p.partition.tile), columns);
  const auto n = static_cast<std::size_t>(panel), m = static_cast<std::size_t>(tile);
  const Held row(p, Of::rows), column(p, Of::columns);
  // Weights are transformed and packed anew in each recording.
  const std::size_t shards = (std::max(p.rows, p.columns) + p.partition.shard - 1) / p.partition.shard;
  const double threads = static_cast<double>(std::min({p.tasks, p.shards_at_once, shards}));
  // R, or a recording of the function of the outputs whose gradients the examples of a task take.
  const std::size_t most_probes = std::max(p.probes, p.column_probes);
  const double readout = p.common_readout
                             ? 8 * static_cast<double>(p.outputs * p.probes)
                             : 8 * static_cast<double>(p.tasks * p.partition.shard) * combination_bytes(p, most_probes);
  const double fixed = t.metric_bytes + readout + 2 * threads * t.largest_parameter_bytes + list_bytes(p) +
                       recordings(p, threads) * t.fixed_bytes + filling_bytes(p);
  const double flight = std::min(threads * static_cast<double>(p.partition.shard), std::max(panel, tile));
  if (p.strategy == Strategy::vector_products) return fixed + products_bytes(p, t, panel, tile, flight);
  const double row_sweep = sweep_bytes(p, t, Of::rows), column_sweep = sweep_bytes(p, t, Of::columns);
  const double finished = block_bytes(p, tile, tile);  // a finished tile that is being stored
  if (!p.partition.rows_held) {
    const double both =
        rows * (row_sweep + row.largest) + (p.symmetric ? 0 : columns * (column_sweep + column.largest));
    return fixed + both + scratch_bytes(p, p.rows, p.columns, p.symmetric) + block_bytes(p, rows, columns) + finished;
  }
  const double held_rows = panel * row.all, block = block_bytes(p, panel, tile) + finished;
  double most = held_rows + flight * row_sweep;
  const double scratch = scratch_bytes(p, n, m, false);
  if (p.symmetric) most = std::max(most, held_rows + block + std::max(scratch, scratch_bytes(p, m, m, true)));
  if (!p.symmetric || p.partition.panel < p.rows)
    most = std::max(most, held_rows + block +
                              (p.partition.columns_held ? tile * column.all + std::max(flight * column_sweep, scratch)
                                                        : tile * (column_sweep + column.largest) + scratch));
  return fixed + most;
}

std::size_t tasks_here(const Plan& p, const Profile& t) {
  Plan q = p;
  for (q.tasks = kernels::thread_count(); q.tasks > p.tasks; --q.tasks)
    if (q.result_held + working_bytes(q, t) <= q.budget_bytes) break;
  return std::min(q.tasks, kernels::thread_count());
}

}  // namespace xtangent::ntk
