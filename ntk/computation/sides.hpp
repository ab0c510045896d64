#pragma once

#include <memory>
#include <vector>

#include "ntk/contraction/side.hpp"
#include "ntk/plan.hpp"

/// The sides of all uses of parameters for a range of examples: where the factors of reverse sweeps wait to be
/// contracted.
namespace xtangent::ntk {

template <class T>
class Sides {
 public:
  virtual ~Sides() = default;
  /// The side of use number `use` of the plan. Swept ones are asked for in rising order, once each.
  virtual Side<T> side(std::size_t use) = 0;
};

/// All examples swept in step: at each use their factors become a side, which its taker contracts and frees. Holds the
/// activations of all examples and the factors of one use.
template <class T>
std::unique_ptr<Sides<T>> swept_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                      const Array<double>& weights);

/// Swept a few shards at a time, the sides of all uses held. Holds the factors of all uses, and the activations of
/// those shards that the plan's memory allows at a time.
template <class T>
std::unique_ptr<Sides<T>> held_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                     const Array<double>& weights);

/// Per-example gradients by one reverse sweep an example: the single use of a plan of Strategy::jacobian.
template <class T>
std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                         const Array<double>& weights);

/// Cotangents of n outputs for a readout (O, C): (C, n, O).
template <class T>
Array<T> readout_cotangents(const Array<double>& weights, std::size_t n);

}  // namespace xtangent::ntk
