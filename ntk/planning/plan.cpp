#include "ntk/plan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "autodiff/kernels/parallel.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/memory.hpp"

namespace xtangent::ntk {
namespace {

// A weight and its bias whose only uses follow each other share their left factors: (La Lb^T) o (Ra Rb^T + 1).
void fuse_biases(std::vector<UsePlan>& uses) {
  std::vector<std::size_t> count;
  for (const UsePlan& use : uses) {
    count.resize(std::max(count.size(), use.index + 1), 0);
    ++count[use.index];
  }
  for (std::size_t i = 0; i + 1 < uses.size(); ++i) {
    UsePlan &a = uses[i], &b = uses[i + 1];
    a.with_bias = (a.rule == Rule::outer || a.rule == Rule::readout) && b.shape.kind == FactorKind::bias &&
                  b.shape.positions == 1 && b.shares_left && count[a.index] == 1 && count[b.index] == 1;
    b.fused = a.with_bias;
    if (b.fused) b.held_bytes = 0;
  }
}

// Uses of one parameter are contracted with each other: where their rules do not meet, all of them materialize.
void let_uses_meet(std::vector<UsePlan>& uses) {
  for (const UsePlan& a : uses)
    for (const UsePlan& b : uses) {
      if (a.index != b.index || (a.rule == b.rule && meets(a.rule, a.shape, b.shape))) continue;
      const std::size_t index = a.index;
      for (UsePlan& use : uses)
        if (use.index == index) use.rule = Rule::materialize;
    }
}

// By the cost of the kernel in one piece, so that rules do not depend on the memory.
void choose_rules(Plan& p, const Options& options) {
  for (UsePlan& use : p.uses) {
    use.rule = cheapest_rule(use.shape, p.rows, p.columns, p.probes, p.symmetric, p.mode);
    const std::vector<Rule> rules = rules_for(use.shape);
    if (options.rule && std::find(rules.begin(), rules.end(), *options.rule) != rules.end()) use.rule = *options.rule;
  }
  let_uses_meet(p.uses);
  for (UsePlan& use : p.uses) use.held_bytes = held_bytes(use.rule, use.shape, p.probes, p.mode, p.scalar_bytes);
  fuse_biases(p.uses);
}

// The jacobian strategy: all parameters as one, whose gradients are dense.
void one_dense_use(Plan& p) {
  UsePlan all;
  all.parameter = "all parameters";
  all.op = "pullback";
  all.shape.kind = FactorKind::dense;
  all.shape.parameter_size = p.parameters;
  all.held_bytes = held_bytes(all.rule, all.shape, p.probes, p.mode, p.scalar_bytes);
  p.uses = {all};
}

// Examples a recording: the activations stay in the cache together with the weights they meet; weights are packed anew
// for every recording, so many of them want many examples. A matter of shapes and budget alone, so results do not
// depend on the number of threads.
void choose_shard(Plan& p, const Profile& t) {
  const double each = std::max(1.0, t.activation_bytes * (1.0 + 0.25 * static_cast<double>(p.probes - 1)));
  const double wanted = ((2 << 20) + 4 * t.parameter_bytes) / each, room = p.budget_bytes / 8 / t.sweep_bytes;
  const double most = static_cast<double>(std::max(p.rows, p.columns));
  p.partition.shard =
      p.strategy == Strategy::jacobian ? 1 : static_cast<std::size_t>(std::clamp(std::min(wanted, room), 1.0, most));
  const double shard_bytes = static_cast<double>(p.partition.shard) * t.sweep_bytes;
  p.shards_at_once = static_cast<std::size_t>(std::clamp(p.budget_bytes / 4 / shard_bytes, 1.0, 64.0));
}

void count_flop(Plan& p) {
  p.sweep_flop = p.contraction_flop = 0;
  for (UsePlan& use : p.uses) use.cost = {};
  const auto contraction = [&](std::size_t n, std::size_t m, bool diagonal) {
    for (UsePlan& use : p.uses) {
      if (use.fused || n == 0) continue;
      const RuleCost one = cost(use.rule, use.shape, n, m, p.probes, diagonal, p.mode, p.scalar_bytes, p.room);
      use.cost.flop += one.flop;
      use.cost.bytes = std::max(use.cost.bytes, one.bytes);
      p.contraction_flop += one.flop;
    }
  };
  for (const Panel& panel : panels_of(p.grid, p.partition.panel)) {
    p.sweep_flop += p.flop_of(panel);
    for (const ColumnOfTiles& column : panel.columns) {
      const Range own = p.grid.column(column.column);
      if (p.strategy == Strategy::vector_products) {
        p.sweep_flop += p.flop_of(panel, column);
        continue;
      }
      if (!p.symmetric || own.first >= panel.rows.last) p.sweep_flop += p.sweep_flop_of(own.size());
      contraction((column.diagonal ? own.first : column.rows.last) - column.rows.first, own.size(), false);
      if (column.diagonal) contraction(own.size(), own.size(), true);
    }
  }
}

void cut(Plan& p, const Profile& t, std::size_t tile, std::size_t panel, bool rows_held, bool columns_held) {
  p.grid = {p.rows, p.columns, tile, p.symmetric};
  p.partition.tile = tile;
  p.partition.panel = panel;
  p.partition.rows_held = rows_held;
  p.partition.columns_held = columns_held;
  p.working_bytes = working_bytes(p, t);
}

std::size_t rounded_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

// The largest panel of whole tiles that fits; 0: not even one tile.
std::size_t largest_panel(Plan& p, const Profile& t, std::size_t tile, bool columns_held) {
  const auto fits = [&](std::size_t tiles) {
    cut(p, t, tile, tiles * tile, true, columns_held);
    return p.bytes() <= p.budget_bytes;
  };
  std::size_t low = 0, high = (p.rows + tile - 1) / tile;
  if (fits(high)) return high * tile;
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low * tile;
}

[[noreturn]] void refuse(const Plan& p, double least) {
  throw memory_error(
      "[ntk] the kernel of " + std::to_string(p.rows) + " x " + std::to_string(p.columns) +
      " examples needs at least " + readable_bytes(p.result_held + least) + " (" + readable_bytes(p.result_held) +
      " for the result), the budget is " + readable_bytes(p.budget_bytes) +
      ". Raise options.memory, use fewer examples or a readout with fewer columns" +
      (p.result_held > 0 ? ", or leave the result on the disk with options.store and stored_kernel." : "."));
}

// Of all ways to cut the work that fit, the one with the least work; narrow tiles make slow products.
void choose_partition(Plan& p, const Profile& t, const Options& options, Residence residence) {
  const std::size_t whole = std::max(p.rows, p.columns);
  const bool stored = residence == Residence::stored || !options.store.empty();
  Plan best;
  double best_score = std::numeric_limits<double>::infinity(), least = best_score;
  const auto consider = [&](std::size_t tile, std::size_t panel, bool rows_held, bool columns_held) {
    cut(p, t, tile, panel, rows_held, columns_held);
    least = std::min(least, p.working_bytes);
    if (panel == 0 || p.bytes() > p.budget_bytes) return;
    count_flop(p);
    const double score = p.flop() * (1.0 + 16.0 / static_cast<double>(std::min(tile, whole)));
    if (score >= best_score) return;
    best_score = score;
    best = p;
  };
  const bool any_tile = options.tile == 0;
  if (p.strategy == Strategy::structured && (any_tile || options.tile >= whole) && !(stored && any_tile && whole > 64))
    consider(whole, rounded_up(p.rows, whole), false, false);
  const auto edge = static_cast<double>(p.mode == ProbeMode::cross ? p.probes : 1);
  std::size_t tile =
      any_tile ? std::min(whole, std::max<std::size_t>(16, std::bit_ceil(static_cast<std::size_t>(512 / edge))))
               : std::min(options.tile, whole);
  if (any_tile && stored) tile = std::min(tile, std::max<std::size_t>(16, (whole + 7) / 8));
  for (; best_score == std::numeric_limits<double>::infinity() || tile >= 64; tile = (tile + 1) / 2) {
    for (const bool columns_held : {false, true})
      if (p.strategy == Strategy::structured || columns_held)
        consider(tile, largest_panel(p, t, tile, columns_held), true, columns_held);
    if (tile == 1 || !any_tile) break;
  }
  if (best_score == std::numeric_limits<double>::infinity()) {
    consider(tile, tile, true, p.strategy != Strategy::structured);
    refuse(p, least);
  }
  p = std::move(best);
}

}  // namespace

const char* name(Strategy strategy) {
  switch (strategy) {
    case Strategy::automatic:
      return "automatic";
    case Strategy::structured:
      return "structured";
    case Strategy::jacobian:
      return "jacobian";
    case Strategy::vector_products:
      break;
  }
  return "vector_products";
}

double Plan::sweep_flop_of(std::size_t n) const {
  const double k = static_cast<double>(probes), examples = static_cast<double>(n);
  // The reference also forms the gradients of parameters; products record forward alone.
  if (strategy == Strategy::jacobian) return examples * (1 + 2 * k) * forward_flop;
  if (strategy == Strategy::vector_products) return examples * forward_flop;
  return examples * (forward_flop + k * backward_flop);
}

double Plan::contraction_flop_of(const UsePlan& use, std::size_t n, std::size_t m, bool diagonal) const {
  return use.fused || n == 0 ? 0 : cost(use.rule, use.shape, n, m, probes, diagonal, mode, scalar_bytes, room).flop;
}

double Plan::flop_of(const Panel& panel) const { return sweep_flop_of(panel.rows.size()); }

double Plan::flop_of(const Panel& panel, const ColumnOfTiles& column) const {
  const Range own = grid.column(column.column);
  const std::size_t above = (column.diagonal ? own.first : column.rows.last) - column.rows.first;
  double sum = 0;
  if (strategy == Strategy::vector_products) {  // C pullbacks through each column, C pushforwards through the rows
    const double k = static_cast<double>(probes), each = static_cast<double>(own.size()) * forward_flop;
    if (above > 0) sum += each * (1 + 2 * k + 2 * k * static_cast<double>(above));
    if (column.diagonal) sum += each * (1 + 2 * k + 2 * k * static_cast<double>(own.size()));
    return sum;
  }
  if (!symmetric || own.first >= panel.rows.last) sum += sweep_flop_of(own.size());
  for (const UsePlan& use : uses)
    sum += contraction_flop_of(use, above, own.size(), false) +
           (column.diagonal ? contraction_flop_of(use, own.size(), own.size(), true) : 0);
  return sum;
}

Plan make_plan(const Profile& t, std::size_t rows, std::size_t columns, bool symmetric, const Readout& readout,
               std::size_t scalar_bytes, const Options& options, Residence residence,
               const std::optional<Partition>& given) {
  Plan p;
  p.rows = rows;
  p.columns = columns;
  p.outputs = t.outputs;
  p.parameters = t.parameters;
  p.probes = readout.columns(t.outputs);
  p.symmetric = symmetric;
  p.mode = readout.reduction == Readout::Reduction::trace      ? ProbeMode::summed
           : readout.reduction == Readout::Reduction::diagonal ? ProbeMode::equal
                                                               : ProbeMode::cross;
  p.readout = readout.name();
  p.scalar_bytes = scalar_bytes;
  p.forward_flop = t.forward_flop;
  p.backward_flop = t.backward_flop;
  for (const TracedUse& use : t.uses) p.uses.emplace_back(use);
  const double edge = p.mode == ProbeMode::cross ? static_cast<double>(p.probes) : 1;
  const double n = static_cast<double>(rows) * edge, m = static_cast<double>(columns) * edge;
  p.result_bytes = 8 * n * m * (p.mode == ProbeMode::equal ? static_cast<double>(p.probes) : 1);
  p.result_held = residence == Residence::dense ? p.result_bytes : residence == Residence::packed ? 4 * n * (n + 1) : 0;
  p.budget_bytes = memory_budget(options.memory);
  p.room = static_cast<std::size_t>(std::clamp(p.budget_bytes / 8, 1e6, 256.0 * (1 << 20)));
  const auto plan_as = [&](Strategy strategy) {
    Plan q = p;
    q.strategy = q.partition.strategy = strategy;
    if (strategy == Strategy::jacobian) one_dense_use(q);
    if (strategy == Strategy::structured) choose_rules(q, options);
    if (strategy == Strategy::vector_products) q.uses.clear();
    choose_shard(q, t);
    if (given) {
      q.partition.shard = given->shard;
      cut(q, t, given->tile, given->panel, given->rows_held, given->columns_held);
      if (q.bytes() > q.budget_bytes) refuse(q, q.working_bytes);
      count_flop(q);
    } else {
      choose_partition(q, t, options, residence);
    }
    return q;
  };
  if (options.strategy != Strategy::automatic) return plan_as(options.strategy);
  if (given) return plan_as(given->strategy);
  Plan structured = plan_as(Strategy::structured);
  try {
    Plan products = plan_as(Strategy::vector_products);
    return products.flop() < structured.flop() ? products : structured;
  } catch (const memory_error&) {
    return structured;
  }
}

}  // namespace xtangent::ntk
