#pragma once

#include <optional>
#include <vector>

#include "ntk/computation/cotangents.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {

/// A recording of a few examples and the reverse sweep through it, term by term.
template <class T>
class ShardSweep {
 public:
  /// Throws shape_error (the output is not that of the plan), and what the recording and the cotangents throw.
  ShardSweep(const Model<T>& model, const Plan& plan, const OneSide<T>& side);

  /// The factors of all uses of the next term that is complete, in the order of the sweep, which is that of the plan's
  /// terms. Throws rule_error where the network records other operations than the plan has.
  std::vector<Factor<T>> next();

 private:
  const Plan& plan_;
  Tape<T> tape_;
  std::optional<FactorSweep<T>> sweep_;
  std::size_t use_ = 0;
  std::vector<std::vector<Factor<T>>> waiting_;  // for each term that is not complete, its factors
};

}  // namespace xtangent::ntk
