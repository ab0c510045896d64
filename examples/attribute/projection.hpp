#pragma once

#include "nn/module.hpp"
#include "ntk/per_example.hpp"

namespace xtangent::examples {

/// The gradient of each example of x (N, ...), as the readout combines its outputs, projected to `count` numbers by
/// random signs divided by sqrt(count): (N, count). The inner products of two rows are those of the gradients in
/// expectation, so their Gram stands for the kernel. Two calls with the same seed and count use the same signs. Cost: N
/// P count multiply-adds, P the number of parameters. Memory: 256 MB for gradients, the result twice. Throws what
/// ntk::kernel throws.
Array<double> projected_gradients(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Array<float>& x,
                                  const ntk::Readout& readout, std::size_t count, std::uint64_t seed);

}  // namespace xtangent::examples
