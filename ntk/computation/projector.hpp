#pragma once

#include <vector>

#include "ntk/computation/cotangents.hpp"
#include "ntk/features.hpp"
#include "ntk/planning/planner.hpp"

/// The gradients of examples, parameter by parameter, as sums by sparse signs.
namespace xtangent::ntk {

/// Numbers by which the k places are divided, and how large the gradients of each parameter are. One for each term of a
/// plan, in their order.
struct FeatureShare {
  std::string parameter;
  std::size_t elements = 0;
  double weight = 1;
};
/// Divides k numbers, see FeatureSplit. Throws option_error (k is less than the number of arrays that need places of
/// their own).
std::vector<FeaturePlace> divided(std::size_t k, FeatureSplit split, const std::vector<FeatureShare>& shares);

/// Sweeps over examples whose gradients are formed in pieces. Which pieces and shards there are follows from shapes,
/// and from the memory only where there is little of it, so that neither the number of threads nor the memory changes
/// bits.
template <class T>
class GradientSweep {
 public:
  /// For up to `examples` at a time, whose results take `result_bytes`. Throws option_error (the reduction is
  /// diagonal), memory_error, and what `profile` throws.
  GradientSweep(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                const FeatureOptions& options, double result_bytes);

  const Plan& plan() const { return plan_; }
  const Profile& profile() const { return profile_; }
  bool summed() const { return plan_.mode == ProbeMode::summed; }
  /// Rows of features for an example: K, or 1 where probes are summed.
  std::size_t rows_each() const { return summed() ? 1 : plan_.probes; }
  /// Elements of the gradient of a term: P, or K P where probes are summed.
  std::size_t elements(std::size_t term) const;

  /// Adds the features of the examples of one side to rows of `stride` numbers at `out`, with one place for each term.
  /// `done` is called with the number of examples after each wave of shards.
  void project(const OneSide<T>& side, std::uint64_t seed, const std::vector<FeaturePlace>& places, std::size_t stride,
               T* out, const std::function<void(std::size_t)>& done) const;
  /// The sum over the examples of the squared norms of their gradients, for each term.
  std::vector<double> squared_norms(const OneSide<T>& side) const;

 private:
  template <class Begin>
  void for_each_piece(const OneSide<T>& side, const Begin& begin_piece) const;
  std::vector<Factor<T>> scaled(const TermPlan& term, std::vector<Factor<T>> parts) const;
  std::size_t step(const TermPlan& term) const;
  std::size_t examples_at_a_time(std::size_t length) const;
  void plan_memory(double result_bytes);

  Model<T> model_;
  Profile profile_;
  Plan plan_;
  std::size_t room_ = 0, shards_at_once_ = 1;
};

}  // namespace xtangent::ntk
