#pragma once

#include <memory>
#include <vector>

#include "ntk/contraction/side.hpp"
#include "ntk/planning/planner.hpp"

/// The sides of all terms for a range of examples: where the factors of reverse sweeps wait to be contracted.
namespace xtangent::ntk {

template <class T>
class Sides {
 public:
  virtual ~Sides() = default;
  /// The side of a term of the plan, by its number. Swept ones are asked for in rising order, once each.
  virtual Side<T> side(std::size_t term) = 0;
};

/// All examples swept in step: as soon as a term is complete its factors become a side, which its taker contracts and
/// frees. Holds the activations of all examples, the factors of one term, and of those that wait for further uses.
template <class T>
std::unique_ptr<Sides<T>> swept_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                      const Array<double>& weights);

/// Swept a few shards at a time, the sides of all terms held. Holds the factors of all uses, and the activations of
/// those shards that the plan's memory allows at a time.
template <class T>
std::unique_ptr<Sides<T>> held_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                     const Array<double>& weights);

/// Per-example gradients by one reverse sweep an example: the only term in a plan of Strategy::jacobian.
template <class T>
std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                         const Array<double>& weights);

/// Cotangents of n outputs for a readout (O, K): (K, n, O).
template <class T>
Array<T> readout_cotangents(const Array<double>& weights, std::size_t n);

}  // namespace xtangent::ntk
