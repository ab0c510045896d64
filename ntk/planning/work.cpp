// The work of a plan, piece by piece. It is what plans predict and what progress is measured by.
#include <algorithm>

#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {

BlockShape block_shape(const Plan& p, std::size_t rows, std::size_t columns, bool symmetric) {
  return {rows, columns, p.probes, p.column_probes, p.mode, symmetric};
}

Workspace workspace(const Plan& p) { return {p.scalar_bytes, p.room, p.tasks}; }

namespace {

// FLOP or effort of the sweeps of n examples, by those of one example forward and, for a probe, backward.
double sweeps(const Plan& p, std::size_t n, Readout::Of side, double forward, double backward) {
  const double k = static_cast<double>(side == Readout::Of::rows ? p.probes : p.column_probes),
               examples = static_cast<double>(n);
  // The reference also forms the gradients of parameters. Vector products only record forward passes here.
  if (p.strategy == Strategy::jacobian) return examples * (1 + 2 * k) * forward;
  if (p.strategy == Strategy::vector_products) return examples * forward;
  return examples * (forward + k * backward);
}

double sweep_effort(const Plan& p, std::size_t n, Readout::Of side) {
  return sweeps(p, n, side, p.forward_effort, p.backward_effort);
}

}  // namespace

double sweep_flop(const Plan& p, std::size_t n, Readout::Of side) {
  return sweeps(p, n, side, p.forward_flop, p.backward_flop);
}

double contraction_flop(const Plan& p, const TermPlan& term, std::size_t n, std::size_t m, bool diagonal) {
  if (term.fused || n == 0) return 0;
  return term.rule->cost(term.term, block_shape(p, n, m, diagonal), workspace(p)).flop;
}

// The column is recorded, with K' pullbacks through it and K' pushforwards through each row.
double product_flop(const Plan& p, std::size_t n) {
  const double k = static_cast<double>(p.column_probes);
  return p.forward_flop * (1 + 2 * k + 2 * k * static_cast<double>(n));
}

double panel_flop(const Plan& p, const Panel& panel) { return sweep_flop(p, panel.rows.size(), Readout::Of::rows); }

double column_flop(const Plan& p, const Panel& panel, const ColumnOfTiles& column) {
  const std::size_t own = column.examples.size(), above = column.above().size();
  double sum = 0;
  if (p.strategy == Strategy::vector_products) {
    for (const std::size_t rows : {above, column.diagonal ? own : 0})
      if (rows > 0) sum += static_cast<double>(own) * product_flop(p, rows);
    return sum;
  }
  if (!panel.holds(column, p.symmetric)) sum += sweep_flop(p, own, Readout::Of::columns);
  for (const TermPlan& term : p.terms)
    sum += contraction_flop(p, term, above, own, false) +
           (column.diagonal ? contraction_flop(p, term, own, own, true) : 0);
  return sum;
}

void count_work(Plan& p) {
  p.sweep_flop = p.contraction_flop = 0;
  p.effort = effort::result * p.result_bytes / 8;
  for (TermPlan& term : p.terms) term.cost = {};
  const auto contraction = [&](std::size_t n, std::size_t m, bool diagonal) {
    for (TermPlan& term : p.terms) {
      if (term.fused || n == 0) continue;
      const BlockShape block = block_shape(p, n, m, diagonal);
      const RuleCost one = term.rule->cost(term.term, block, workspace(p));
      term.cost.flop += one.flop;
      term.cost.bytes = std::max(term.cost.bytes, one.bytes);
      p.contraction_flop += one.flop;
      p.effort += effort::contracted * term.rule->effort(term.term, block);
    }
  };
  for (const Panel& panel : panels_of(p.grid, p.partition.panel)) {
    p.sweep_flop += panel_flop(p, panel);
    p.effort += sweep_effort(p, panel.rows.size(), Readout::Of::rows);
    for (const ColumnOfTiles& column : panel.columns) {
      const std::size_t own = column.examples.size();
      if (p.strategy == Strategy::vector_products) {
        const double flop = column_flop(p, panel, column);
        p.sweep_flop += flop;
        p.effort += flop * p.forward_effort / std::max(p.forward_flop, 1.0);
        continue;
      }
      if (!panel.holds(column, p.symmetric)) {
        p.sweep_flop += sweep_flop(p, own, Readout::Of::columns);
        p.effort += sweep_effort(p, own, Readout::Of::columns);
      }
      contraction(column.above().size(), own, false);
      if (column.diagonal) contraction(own, own, true);
    }
  }
}

}  // namespace xtangent::ntk
