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
  /// The same with all parameters on the tape, if `record` has only some of them there.
  std::function<Recording<T>(Tape<T>&, const Array<T>& x)> record_all = {};
};

/// The model of a network, whose parameters are those that `patterns` choose (nn/choice.hpp); the others are constants.
/// Outputs (N,) count as (N, 1).
template <class T>
Model<T> model_of(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                  const std::vector<std::string>& patterns = {});

}  // namespace xtangent::ntk
