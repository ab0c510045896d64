#pragma once

#include "nn/module.hpp"

/// The head of a network: the linear layer that makes its outputs.
namespace xtangent::ntk {

/// The head is f = W h + bias b, and b may be missing. Numbers that multiply its result, as in the NTK
/// parameterization, are taken into h, into W and into `bias`.
struct Head {
  Array<double> inputs;  ///< (N, I): the gradient of an output with respect to its row of the weight that is trained
  Array<double> weight;  ///< (O, I): the gradient of the outputs with respect to what the layer reads
  double bias = 0;       ///< the gradient of an output with respect to its entry of b
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
