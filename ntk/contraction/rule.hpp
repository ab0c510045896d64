#pragma once

#include <memory>
#include <vector>

#include "ntk/contraction/block.hpp"
#include "ntk/contraction/rule_names.hpp"
#include "ntk/contraction/side.hpp"

/// Contraction rules: how the uses of one parameter become their part of a kernel block.
///
/// A rule is one struct in a file of this folder and one line of the table in rules.cpp. Plans ask it for its cost. It
/// fills the sides of a contraction with factors, and `contract` adds the product of two sides to a block.
namespace xtangent::ntk {

struct Contraction {
  bool with_bias = false;  ///< also contract the bias of the layer, which has the same left factors
  std::size_t room = 0;    ///< bytes, as in Workspace
};

struct Rule {
  virtual ~Rule() = default;

  virtual const char* name() const = 0;
  /// Whether the rule is right for these uses.
  virtual bool fits(const Term& term) const = 0;

  /// FLOP and scratch bytes of one contraction. In a symmetric block only half of the pairs of examples count.
  virtual RuleCost cost(const Term& term, const BlockShape& block, const Workspace& workspace) const = 0;
  /// The effort in floating-point operations of large products, see effort.hpp. Plans take the rule with the least
  /// effort.
  virtual double effort(const Term& term, const BlockShape& block) const = 0;
  /// Bytes that a side holds for each example.
  virtual double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const = 0;
  /// Scratch bytes while a side is filled with so many examples.
  virtual std::size_t filling_bytes(const Term& /*term*/, std::size_t /*examples*/, std::size_t /*probes*/,
                                    const Workspace& /*workspace*/) const {
    return 0;
  }
  /// Whether the bias of the same layer can be contracted with the weight at no cost.
  virtual bool takes_bias() const { return false; }

  /// Puts factors of the parts of the term into a side, from example `first` on. Several threads may call it for ranges
  /// of examples that do not overlap.
  virtual void fill(SideArrays<float>& side, std::size_t first, const std::vector<Factor<float>>& parts) const = 0;
  virtual void fill(SideArrays<double>& side, std::size_t first, const std::vector<Factor<double>>& parts) const = 0;
  /// Adds to the block the contraction of rows a with columns b, which are sides of this rule and of the same term.
  virtual void contract(const Side<float>& a, const Side<float>& b, const Contraction& how, Block& block) const = 0;
  virtual void contract(const Side<double>& a, const Side<double>& b, const Contraction& how, Block& block) const = 0;
};

/// The base class of rules, which write `put` and `add` once, as templates over the type of numbers.
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

/// The table of all rules.
const std::vector<const Rule*>& rules();
/// The rules that are right for a term. There is always at least one.
std::vector<const Rule*> rules_for(const Term& term);
/// The rule with the least effort among those that are right for a term.
const Rule& cheapest_rule(const Term& term, const BlockShape& block);

/// Adds the contraction of two sides to the block. Throws rule_error unless both have the same rule and the same term.
template <class T>
void contract(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block);

}  // namespace xtangent::ntk
