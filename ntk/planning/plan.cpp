#include "ntk/plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/names.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

// The terms of a sweep. All uses of a parameter are one term, which is complete with the last use.
void make_terms(Plan& p, const std::vector<ProfiledUse>& uses) {
  std::size_t count = 0;
  for (const ProfiledUse& use : uses) count = std::max(count, use.index + 1);
  std::vector<std::vector<UseShape>> shapes(count);
  std::vector<std::size_t> last(count), term(count);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    shapes[uses[i].index].push_back(uses[i].shape);
    last[uses[i].index] = i;
  }
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const ProfiledUse& use = uses[i];
    if (last[use.index] != i) continue;
    term[use.index] = p.terms.size();
    TermPlan& added = p.terms.emplace_back();
    added.parameter = use.parameter;
    added.index = use.index;
    added.op = use.op;
    added.term = Term(shapes[use.index]);
    added.elementwise = use.elementwise;
    added.metric = use.metric;
  }
  for (std::size_t i = 0; i < uses.size(); ++i)
    p.uses.push_back({term[uses[i].index], uses[i].shape, last[uses[i].index] == i});
}

// A weight and its bias share their left factors if their only uses follow each other. Both together are (La Lb^T) o
// (Ra Rb^T + 1).
void fuse_biases(Plan& p, const std::vector<ProfiledUse>& uses) {
  for (std::size_t i = 0; i + 1 < uses.size(); ++i) {
    TermPlan &weight = p.terms[p.uses[i].term], &bias = p.terms[p.uses[i + 1].term];
    if (!weight.rule->takes_bias() || weight.term.uses != 1 || bias.term.uses != 1 || !uses[i + 1].shares_left ||
        weight.group != bias.group || bias.elementwise || weight.metric != bias.metric ||
        bias.term.only()->kind != FactorKind::bias || bias.term.only()->positions != 1)
      continue;
    weight.with_bias = bias.fused = true;
    bias.held_bytes = bias.column_held_bytes = 0;
  }
}

// The factors of one example with so many probes that wait for the last use of their parameter, and those of the
// largest term once more, since they are joined.
double waiting_bytes(const Plan& p, std::size_t probes) {
  double sum = 0, largest = 0;
  for (const TermPlan& term : p.terms) {
    if (term.term.uses < 2) continue;
    std::size_t elements = 0;
    for (const UseShape& part : term.term.parts) elements += part.factor_size(probes);
    const std::size_t added = term.term.parts.size() > 1 ? probes * term.term.parameter_size() : 0;
    sum += static_cast<double>(elements);
    largest = std::max(largest, static_cast<double>(elements + added));
  }
  return (sum + largest) * static_cast<double>(p.scalar_bytes);
}

// Each term belongs to the kernel of its parameter.
void group_terms(Plan& p, const std::vector<std::size_t>& groups) {
  if (groups.empty()) return;
  for (TermPlan& term : p.terms) term.group = groups.at(term.index);
}

// Whether gradients of a term are rounded: those of weights, which are many enough that their errors average out.
// Biases, scales of norms and the weight of the last layer stay as they are, since all examples have the same left
// factors there, with the same errors.
bool is_rounded(const Plan& p, const TermPlan& term) {
  const auto of_weight = [](const UseShape& use) {
    return (use.is_product() || use.kind == FactorKind::dense) && !use.same_left;
  };
  const std::vector<UseShape>& parts = term.term.parts;
  return p.precision == Precision::bfloat16 && term.rule == &rule_named("materialize") &&
         term.term.parameter_size() >= least_rounded && std::all_of(parts.begin(), parts.end(), of_weight);
}

void count_held_bytes(const Plan& p, TermPlan& term) {
  term.held_bytes = term.rule->held_bytes(term.term, p.probes, p.scalar_bytes);
  term.column_held_bytes = term.rule->held_bytes(term.term, p.column_probes, p.scalar_bytes);
}

// Rules are chosen by the effort of the kernel in one piece, so that they do not depend on the memory.
void choose_rules(Plan& p, const std::vector<ProfiledUse>& uses, const Options& options, const Order& order) {
  make_terms(p, uses);
  group_terms(p, order.groups);
  const BlockShape whole = block_shape(p, p.rows, p.columns, p.symmetric);
  for (TermPlan& term : p.terms) {
    const bool forced = options.rule && options.rule->fits(term.term);
    if (term.elementwise)  // needs the gradients themselves
      term.rule = &rule_named("materialize");
    else
      term.rule = forced ? options.rule : &cheapest_rule(term.term, whole);
    term.term.rounded = is_rounded(p, term);
    count_held_bytes(p, term);
  }
  fuse_biases(p, uses);
  p.waiting_bytes = waiting_bytes(p, p.probes);
  p.column_waiting_bytes = waiting_bytes(p, p.column_probes);
}

// The term of the jacobian strategy, in which all parameters count as one with dense gradients.
void one_dense_term(Plan& p) {
  UseShape shape;
  shape.parameter_size = shape.left = p.parameters;
  TermPlan all;
  all.parameter = "all parameters";
  all.op = "pullback";
  all.term = Term(shape);
  all.rule = rules_for(all.term).front();
  count_held_bytes(p, all);
  p.terms = {all};
  p.uses = {UsePlan{}};
}

// The number of examples in a recording. It is small enough that the activations, or the cotangents of all probes, stay
// in the cache together with the weights of their layer, but weights are packed anew for every recording, so it grows
// with their number. It depends only on shapes and the budget, so results do not depend on the number of threads.
void choose_shard(Plan& p, const Profile& t) {
  const std::size_t probes = std::max(p.probes, p.column_probes);
  const double each = std::max(1.0, t.activation_bytes * static_cast<double>(probes));
  const double sweep = std::max(t.sweep_bytes + p.waiting_bytes, t.column_sweep_bytes + p.column_waiting_bytes);
  const double wanted = ((2 << 20) + 4 * t.parameter_bytes) / each, room = p.budget_bytes / 8 / sweep;
  const double most = static_cast<double>(std::max(p.rows, p.columns));
  p.partition.shard =
      p.strategy == Strategy::jacobian ? 1 : static_cast<std::size_t>(std::clamp(std::min(wanted, room), 1.0, most));
  const double shard_bytes = static_cast<double>(p.partition.shard) * sweep;
  p.shards_at_once = static_cast<std::size_t>(std::clamp(p.budget_bytes / 4 / shard_bytes, 1.0, 64.0));
}

ProbeMode mode_of(const Readout& readout) {
  switch (readout.reduction) {
    case Readout::Reduction::trace:
      return ProbeMode::summed;
    case Readout::Reduction::diagonal:
      return ProbeMode::equal;
    case Readout::Reduction::none:
      break;
  }
  return ProbeMode::cross;
}

// Plans for as many tasks as fit, and for fewer where that saves more work than they could share. Idle tasks count: one
// task counts as twice its work, and two count as a seventh more.
template <class Cut>
std::optional<Plan> with_fitting_tasks(const Plan& p, const Cut& cut) {
  std::optional<Plan> best;
  double best_time = 0;
  for (std::size_t tasks = planned_tasks; tasks > 0; tasks /= 2) {
    Plan q = p;
    q.tasks = tasks;
    if (!cut(q)) continue;
    const double time = q.flop() * (tasks == 1 ? 2 : tasks == 2 ? 8.0 / 7 : 1);
    if (best && time >= best_time) continue;
    best = std::move(q);
    best_time = time;
  }
  return best;
}

// The plan of one strategy within a budget, if there is one. `p` holds what does not depend on them.
std::optional<Plan> plan_as(Strategy strategy, double budget, Plan p, const Profile& t, const Order& order,
                            const Options& options, const std::optional<Partition>& given) {
  p.strategy = p.partition.strategy = strategy;
  p.budget_bytes = budget;
  p.room = static_cast<std::size_t>(std::clamp(budget / 8, 1e6, 256.0 * (1 << 20)));
  if (given && given->room > 0) p.room = given->room;
  p.partition.room = given ? given->room : p.room;
  if (strategy == Strategy::jacobian) one_dense_term(p);
  if (strategy == Strategy::structured) choose_rules(p, t.uses, options, order);
  choose_shard(p, t);
  return with_fitting_tasks(
      p, [&](Plan& q) { return given ? keep_partition(q, t, *given) : choose_partition(q, t, options); });
}

// The plan with the fewest FLOP among those of the strategies that are asked for.
std::optional<Plan> plan_within(double budget, const Plan& p, const Profile& t, const Order& order,
                                const Options& options, const std::optional<Partition>& given) {
  if (options.strategy != Strategy::automatic) return plan_as(options.strategy, budget, p, t, order, options, given);
  if (given) return plan_as(given->strategy, budget, p, t, order, options, given);
  std::optional<Plan> best;
  for (const Strategy strategy : {Strategy::structured, Strategy::vector_products, Strategy::jacobian}) {
    std::optional<Plan> plan = plan_as(strategy, budget, p, t, order, options, given);
    if (plan && (!best || plan->flop() < best->flop())) best = std::move(plan);
  }
  return best;
}

// The least budget for which fits(budget) holds, to one in a thousand, or infinity. `low` is one for which it does not.
template <class Fits>
double least_budget(double low, const Fits& fits) {
  double high = std::max(2 * low, 1e5);
  while (!fits(high)) {
    low = high;
    high *= 2;
    if (high > 1e18) return std::numeric_limits<double>::infinity();
  }
  while (high > 1.001 * low) {
    const double middle = std::sqrt(low * high);
    (fits(middle) ? high : low) = middle;
  }
  return high;
}

[[noreturn]] void refuse(const Plan& p, double budget, double least) {
  throw memory_error(
      "[ntk] the kernel of " + std::to_string(p.rows) + " x " + std::to_string(p.columns) +
      " examples needs at least " + readable_bytes_up(least) + " (" + readable_bytes(p.result_held) +
      " for the result), the budget is " + readable_bytes(budget) +
      ". Raise options.memory, use fewer examples or a readout with fewer columns" +
      (p.result_held > 0 ? ", or leave the result on the disk with options.store and stored_kernel." : "."));
}

// A plan with all that is known before its work is cut.
Plan unplanned(const Profile& t, const Order& order, const Readout& readout) {
  Plan p;
  p.rows = order.rows;
  p.columns = order.columns;
  p.symmetric = order.symmetric;
  p.scalar_bytes = order.scalar_bytes;
  p.outputs = t.outputs;
  p.parameters = t.parameters;
  p.probes = readout.columns(t.outputs, Readout::Of::rows);
  p.column_probes = readout.columns(t.outputs, Readout::Of::columns);
  p.mode = mode_of(readout);
  p.common_readout = readout.common();
  p.readout = readout.name();
  p.forward_flop = t.forward_flop;
  p.backward_flop = t.backward_flop;
  p.forward_effort = effort::sweep(t.forward_flop, t.forward_elements);
  p.backward_effort = effort::sweep(t.backward_flop, t.backward_elements);
  return p;
}

}  // namespace

const char* name(Precision precision) { return precision == Precision::exact ? "exact" : "bfloat16"; }

Precision parse_precision(std::string_view text) {
  return parse_name(text, {Precision::exact, Precision::bfloat16}, "precision", "precision");
}

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

Strategy parse_strategy(std::string_view text) {
  return parse_name(text, {Strategy::automatic, Strategy::structured, Strategy::jacobian, Strategy::vector_products},
                    "strategy", "strategy");
}

Plan make_plan(const Profile& t, const Order& order, const Readout& readout, const Options& options,
               const std::optional<Partition>& given) {
  if (options.precision == Precision::bfloat16 && order.scalar_bytes != sizeof(float))
    throw option_error(
        "[ntk] precision bfloat16 is for networks in float. One in double asks for more digits than rounded gradients "
        "have: use Precision::exact, or parameters and examples in float.");
  Plan p = unplanned(t, order, readout);
  p.precision = options.precision;
  const bool cross = p.mode == ProbeMode::cross;
  const double n = static_cast<double>(p.rows) * (cross ? static_cast<double>(p.probes) : 1),
               m = static_cast<double>(p.columns) * (cross ? static_cast<double>(p.column_probes) : 1);
  p.result_bytes = 8 * n * m * (p.mode == ProbeMode::equal ? static_cast<double>(p.probes) : 1);
  p.result_held = order.residence == Residence::dense    ? p.result_bytes
                  : order.residence == Residence::packed ? 4 * n * (n + 1)
                                                         : 0;
  for (const std::size_t group : order.groups) p.kernels = std::max(p.kernels, group + 1);
  p.result_bytes *= static_cast<double>(p.kernels);
  p.result_held *= static_cast<double>(p.kernels);
  p.stored = order.residence == Residence::stored || !options.store.empty();
  check_sharing(options.sharing, options.store);
  p.sharing = options.sharing.mode;
  p.shard = options.sharing.shard;
  // Processes that share a store must cut the kernel alike, whatever their machines have free.
  const double budget = memory_budget(shared_memory(options.memory, options.sharing));
  const auto plan = [&](double bytes) { return plan_within(bytes, p, t, order, options, given); };
  std::optional<Plan> out = plan(budget);
  if (!out) refuse(p, budget, least_budget(budget, [&](double bytes) { return plan(bytes).has_value(); }));
  return std::move(*out);
}

Plan sweep_plan(const Profile& t, std::size_t examples, std::size_t scalar_bytes, const Readout& readout,
                double budget) {
  Plan p = unplanned(t, {examples, examples, true, scalar_bytes}, readout);
  p.budget_bytes = budget;
  make_terms(p, t.uses);
  p.waiting_bytes = p.column_waiting_bytes = waiting_bytes(p, p.probes);
  choose_shard(p, t);
  return p;
}

}  // namespace xtangent::ntk
