#pragma once

#include <memory>
#include <vector>

#include "ntk/computation/cotangents.hpp"
#include "ntk/contraction/side.hpp"
#include "ntk/planning/planner.hpp"

/// The sides of all terms for a range of examples, which hold the factors of reverse sweeps until they are contracted.
namespace xtangent::ntk {

template <class T>
class Sides {
 public:
  virtual ~Sides() = default;
  /// The side of a term of the plan, by its number. Swept sides must be asked for in rising order, each once.
  virtual Side<T> side(std::size_t term) = 0;
};

/// Sweeps all examples in step. As soon as a term is complete its factors become a side, which the caller contracts and
/// frees. Memory: the activations of all examples, the factors of one term, and those that wait for further uses.
template <class T>
std::unique_ptr<Sides<T>> swept_sides(const Model<T>& model, const Plan& plan, const OneSide<T>& side);

/// Sweeps a few shards at a time and holds the sides of all terms. Memory: the factors of all uses, and the activations
/// of as many shards as the plan sweeps at a time.
template <class T>
std::unique_ptr<Sides<T>> held_sides(const Model<T>& model, const Plan& plan, const OneSide<T>& side);

/// Computes the gradient of each example by a reverse sweep of its own. It is the only term in a plan of
/// Strategy::jacobian.
template <class T>
std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>& model, const Plan& plan, const OneSide<T>& side);

}  // namespace xtangent::ntk
