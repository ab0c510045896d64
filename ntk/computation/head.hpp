#pragma once

#include "nn/module.hpp"

/// The head of a network: the linear layer that makes its outputs.
namespace xtangent::ntk {

/// What the head reads for N examples, and its weight. In the NTK parameterization the inputs are scaled, as they are
/// where they meet the weight.
struct Head {
  Array<double> inputs;  ///< (N, I)
  Array<double> weight;  ///< (O, I)
  bool bias = false;
};

/// Finds the head in recordings of up to 256 examples of x (N, ...) at a time. `who` names the function in messages.
/// Cost: one forward pass. Throws shape_error (no examples), numerical_error (an example or a parameter is not finite),
/// rule_error (the network does not end in a linear layer whose parameters nothing else uses).
template <class T>
Head head_of(const char* who, const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x);

struct GramOptions {
  double scale = 1, shift = 0;
};
/// scale a b^T + shift for a (N, I) and b (M, I). With `symmetric`, where b is a, exactly symmetric.
Array<double> gram(const Array<double>& a, const Array<double>& b, bool symmetric, const GramOptions& options = {});

}  // namespace xtangent::ntk
