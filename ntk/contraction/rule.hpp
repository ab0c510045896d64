#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ntk/contraction/block.hpp"
#include "ntk/contraction/side.hpp"

/// Contraction rules: how the uses of one parameter become their part of a kernel block.
///
/// A rule is one struct in a file of this folder and one line of the table in rules.cpp. Plans ask it what it would
/// cost; the sides it fills wait for each other; contract adds their product to a block.
namespace xtangent::ntk {

struct Contraction {
  bool with_bias = false;  ///< the bias of the same layer too, whose left factors are those of the weight
  std::size_t room = 0;    ///< as in Workspace
};

struct Rule {
  virtual ~Rule() = default;

  virtual const char* name() const = 0;
  /// Is it right for these uses?
  virtual bool fits(const Term& term) const = 0;

  /// FLOP and scratch bytes of one contraction. A pair of examples of a symmetric block counts half.
  virtual RuleCost cost(const Term& term, const BlockShape& block, const Workspace& workspace) const = 0;
  /// What it takes, in floating-point operations of large products: see effort.hpp. Plans take the rule with the least.
  virtual double effort(const Term& term, const BlockShape& block) const = 0;
  /// Bytes that a side holds of each example.
  virtual double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const = 0;
  /// Can the bias of the same layer be contracted with the weight at no cost?
  virtual bool takes_bias() const { return false; }

  /// Puts factors of the term's parts into a side, from example `first` on. May be called from several threads for
  /// ranges of examples that do not overlap.
  virtual void fill(SideArrays<float>& side, std::size_t first, const std::vector<Factor<float>>& parts) const = 0;
  virtual void fill(SideArrays<double>& side, std::size_t first, const std::vector<Factor<double>>& parts) const = 0;
  /// block += the contraction of rows a with columns b, two sides of this rule and one term.
  virtual void contract(const Side<float>& a, const Side<float>& b, const Contraction& how, Block& block) const = 0;
  virtual void contract(const Side<double>& a, const Side<double>& b, const Contraction& how, Block& block) const = 0;
};

/// Rules write `put` and `add` once, as templates over the type of numbers.
template <class R>
struct RuleOf : Rule {
  void fill(SideArrays<float>& s, std::size_t first, const std::vector<Factor<float>>& parts) const override {
    static_cast<const R*>(this)->put(s, first, parts);
  }
  void fill(SideArrays<double>& s, std::size_t first, const std::vector<Factor<double>>& parts) const override {
    static_cast<const R*>(this)->put(s, first, parts);
  }
  void contract(const Side<float>& a, const Side<float>& b, const Contraction& how, Block& block) const override {
    static_cast<const R*>(this)->add(a, b, how, block);
  }
  void contract(const Side<double>& a, const Side<double>& b, const Contraction& how, Block& block) const override {
    static_cast<const R*>(this)->add(a, b, how, block);
  }
};

/// All rules, the table.
const std::vector<const Rule*>& rules();
/// Throws option_error listing the names there are.
const Rule& rule_named(std::string_view name);
/// The rules that are right for a term; never none.
std::vector<const Rule*> rules_for(const Term& term);
/// The one with the least effort.
const Rule& cheapest_rule(const Term& term, const BlockShape& block);

/// block += the contraction of two sides. Throws rule_error unless both are of one rule and one term.
template <class T>
void contract(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block);

}  // namespace xtangent::ntk
