// What each rule of contract.hpp costs: arithmetic on shapes, nothing is run.
#include <algorithm>

#include "ntk/contract.hpp"

namespace xtangent::ntk {

const char* name(Rule rule) {
  switch (rule) {
    case Rule::outer: return "outer";
    case Rule::position_gram: return "position Gram";
    case Rule::gather: return "gather";
    case Rule::materialize: break;
  }
  return "materialize";
}

std::vector<Rule> rules_for(const UseShape& use) {
  if (use.kind == FactorKind::outer) return {Rule::outer, Rule::materialize};
  if (use.kind == FactorKind::outer_sum && !use.grouped) return {Rule::position_gram, Rule::materialize};
  if (use.kind == FactorKind::gather) return {Rule::gather, Rule::materialize};
  return {Rule::materialize};
}

RuleCost cost(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
              ProbeMode mode, std::size_t scalar_bytes) {
  const double na = static_cast<double>(rows), nb = static_cast<double>(columns), k = static_cast<double>(probes);
  const double d = static_cast<double>(use.positions), c = static_cast<double>(use.left);
  const double r = static_cast<double>(use.right), p = static_cast<double>(use.parameter_size);
  const double pairs = na * nb * (symmetric ? 0.5 : 1.0);
  const double probe_pairs = mode == ProbeMode::cross ? k * k : k;
  const double examples = symmetric ? na : na + nb, bytes = static_cast<double>(scalar_bytes);
  switch (rule) {
    case Rule::outer:
      return {2 * pairs * (r + probe_pairs * c) + 2 * pairs * probe_pairs, bytes * (na * nb + examples * (k * c + r))};
    case Rule::position_gram:
      return {2 * pairs * d * d * (r + probe_pairs * (c + 1)), bytes * examples * d * (r + k * c)};
    case Rule::gather:
      return {2 * pairs * probe_pairs * std::min(d * c, p), bytes * examples * k * std::min(d * c, p)};
    case Rule::materialize: break;
  }
  const bool product = use.kind == FactorKind::outer || use.kind == FactorKind::outer_sum;
  const double forming = product ? 2 * examples * k * d * p : examples * k * d * c;
  return {forming + 2 * pairs * probe_pairs * p, bytes * examples * k * p};
}

Rule cheapest_rule(const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
                   ProbeMode mode) {
  const std::vector<Rule> rules = rules_for(use);
  return *std::min_element(rules.begin(), rules.end(), [&](Rule a, Rule b) {
    return cost(a, use, rows, columns, probes, symmetric, mode, 4).flop <
           cost(b, use, rows, columns, probes, symmetric, mode, 4).flop;
  });
}

template <class T>
UseShape shape_of(const Factor<T>& f) {
  return {f.kind, f.parameter.size(), f.positions, f.left_size(), f.right_size(), f.patches && f.patches->groups > 1};
}
template UseShape shape_of(const Factor<float>&);
template UseShape shape_of(const Factor<double>&);

}  // namespace xtangent::ntk
