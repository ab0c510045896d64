#include "ntk/computation/shard_sweep.hpp"

#include <utility>

namespace xtangent::ntk {
namespace {

// Whether a factor has the planned shape, for which sides have room. All examples may have the same left factors where
// that was not planned, and a single one always has.
template <class T>
bool fits(const Factor<T>& factor, const UseShape& planned) {
  UseShape found = factor.shape();
  if (planned.same_left && !found.same_left && factor.examples > 1) return false;
  found.same_left = planned.same_left;
  return found == planned;
}

}  // namespace

template <class T>
ShardSweep<T>::ShardSweep(const Model<T>& model, const Plan& plan, const OneSide<T>& side)
    : plan_(plan), waiting_(plan.terms.size()) {
  const Recording<T> r = model.record(tape_, side.x);
  const Shape expected{side.size(), plan.outputs};
  if (!(expected == r.output.shape()))
    throw shape_error("[ntk] the network's output is " + to_string(r.output.shape()) + " for " +
                      std::to_string(side.size()) + " examples, expected " + to_string(expected) +
                      ". Axis 0 must run over examples.");
  sweep_.emplace(r.output, side.cotangents.at(side.first, r.output), r.parameters, true);
}

template <class T>
std::vector<Factor<T>> ShardSweep<T>::next() {
  while (true) {
    const UsePlan& expected = plan_.uses.at(use_++);
    const TermPlan& term = plan_.terms[expected.term];
    std::optional<ParameterUse<T>> found = sweep_->next();
    // No use may follow the last one of the plan.
    if (!found || found->parameter != term.index || !fits(found->factor, expected.shape) ||
        (use_ == plan_.uses.size() && sweep_->next()))
      throw rule_error("[ntk] the network records different operations for different examples (at parameter " +
                       term.parameter +
                       "). Use the jacobian strategy for networks whose control flow depends on the data.");
    waiting_[expected.term].push_back(std::move(found->factor));
    if (expected.last) return std::exchange(waiting_[expected.term], {});
  }
}

template class ShardSweep<float>;
template class ShardSweep<double>;

}  // namespace xtangent::ntk
