#pragma once

#include "nn/module.hpp"

namespace xtangent::nn {

/// Training mode: each element is 0 with probability `rate`, else divided by 1 - rate; which ones is a function of
/// (Context::seed, the layer's path, how often the layer has run, the element's place) alone.
/// Evaluation mode: the identity. Throws option_error for a rate outside of [0, 1].
class Dropout : public Module<Dropout> {
 public:
  explicit Dropout(double rate = 0.5);

  double rate() const { return rate_; }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  double rate_;
};

/// The same as a function: elements of x dropped by the numbers of a stream.
template <class T>
Var<T> dropout(const Var<T>& x, double rate, RandomStream stream);

}  // namespace xtangent::nn
