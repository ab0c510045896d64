#include <algorithm>
#include <string>

#include "autodiff/error.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {

// The table has one line for each rule. The file of a rule defines it.
#define XTANGENT_RULES(rule) \
  rule(last_layer) rule(outer) rule(pixel_gram) rule(position_gram) rule(gather) rule(pairs) rule(materialize)

#define XTANGENT_DECLARE(rule) const Rule& rule();
XTANGENT_RULES(XTANGENT_DECLARE)
#undef XTANGENT_DECLARE

const std::vector<const Rule*>& rules() {
#define XTANGENT_LIST(rule) &rule(),
  static const std::vector<const Rule*> all = {XTANGENT_RULES(XTANGENT_LIST)};
#undef XTANGENT_LIST
  return all;
}

const char* name(const Rule& rule) { return rule.name(); }

const Rule& rule_named(std::string_view name) {
  std::string names;
  for (const Rule* rule : rules()) {
    if (name == rule->name()) return *rule;
    names.append(names.empty() ? "" : ", ").append(rule->name());
  }
  throw option_error("[ntk] there is no rule \"" + std::string(name) + "\". The rules are: " + names + ".");
}

std::vector<const Rule*> rules_for(const Term& term) {
  std::vector<const Rule*> out;
  for (const Rule* rule : rules())
    if (rule->fits(term)) out.push_back(rule);
  return out;
}

const Rule& cheapest_rule(const Term& term, const BlockShape& block) {
  const std::vector<const Rule*> right = rules_for(term);
  return **std::min_element(right.begin(), right.end(), [&](const Rule* a, const Rule* b) {
    return a->effort(term, block) < b->effort(term, block);
  });
}

template <class T>
void contract(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block) {
  if (&a.rule() != &b.rule() || !(a.term() == b.term()))
    throw rule_error(std::string("[ntk] sides of the rules ") + a.rule().name() + " and " + b.rule().name() +
                     " cannot be contracted: both must hold the same uses of one parameter by the same rule.");
  a.rule().contract(a, b, how, block);
}

template void contract(const Side<float>&, const Side<float>&, const Contraction&, Block&);
template void contract(const Side<double>&, const Side<double>&, const Contraction&, Block&);

}  // namespace xtangent::ntk
