#pragma once

#include "nn/module.hpp"

namespace xtangent::nn {

/// In training mode each element becomes 0 with probability `rate`, and is divided by 1 - rate otherwise. Which
/// elements become 0 depends only on Context::seed, the path of the layer, how often it has run, and the place of the
/// element. In evaluation mode it is the identity. Throws option_error for a rate outside of [0, 1].
class Dropout : public Module<Dropout> {
 public:
  explicit Dropout(double rate = 0.5);

  double rate() const { return rate_; }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  double rate_;
};

/// The same as a function; the random numbers are those of `stream`.
template <class T>
Var<T> dropout(const Var<T>& x, double rate, RandomStream stream);

}  // namespace xtangent::nn
