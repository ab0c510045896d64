#pragma once

#include <cstddef>
#include <optional>

#include "nn/module.hpp"

/// Networks on sequences, whose outputs are (N, T, ...), as networks of one output for each example.
namespace xtangent::nn {

/// A network whose output (N, T, ...) is taken at one position, at the last one, or as the mean over all positions:
/// (N, ...). Its parameters keep their names.
class AtPositions : public Module<AtPositions> {
 public:
  enum class Which { one, last, mean };
  /// Throws parameter_error for a null pointer.
  AtPositions(AnyModule net, Which which, std::size_t position = 0);

  void children(Declaration& visit) const { net_->declare(visit); }
  /// Throws shape_error for an output without positions, or with too few of them.
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  AnyModule net_;
  Which which_;
  std::size_t position_;
};

inline AtPositions at_position(AnyModule net, std::size_t position) {
  return {std::move(net), AtPositions::Which::one, position};
}
/// As a language model is asked for the next token.
inline AtPositions at_last_position(AnyModule net) { return {std::move(net), AtPositions::Which::last}; }
inline AtPositions mean_over_positions(AnyModule net) { return {std::move(net), AtPositions::Which::mean}; }

/// The mean of y (N, T, ...) over the positions where mask (N, T) is 1, or weighted by it: (N, ...). It is 0 for an
/// example whose mask is empty. For networks that have the mask among their inputs (inputs.hpp). Throws shape_error.
template <class T>
Var<T> masked_mean(const Var<T>& y, const Var<T>& mask);

}  // namespace xtangent::nn
