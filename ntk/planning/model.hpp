#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/module.hpp"

namespace xtangent::ntk {

using nn::Recording;

/// All that kernels need to know of a network: how to record it over a batch, and what its parameters are called.
template <class T>
struct Model {
  std::function<Recording<T>(Tape<T>&, const Array<T>& x)> record;
  std::vector<std::string> names;
};

/// The model of a network. Outputs (N,) count as (N, 1).
template <class T>
Model<T> model_of(const nn::ModuleBase& net, const nn::Parameters<T>& params);

}  // namespace xtangent::ntk
