#pragma once

#include "examples/attribute/task.hpp"

namespace xtangent::examples {

/// What scores are made of, for one network: kernels of its margins.
struct MarginKernels {
  Array<double> train;   ///< (N, N)
  Array<double> test;    ///< (M, N), test images in rows
  Array<double> misses;  ///< (N,), see ntk::misses
};

/// The kernels of the gradients themselves. `labels` are those of the training images.
MarginKernels exact_kernels(const Task& task, const nn::Parameters<float>& params, const ntk::Labels& labels);
/// The kernels of gradients that are projected to `count` numbers.
MarginKernels projected_kernels(const Task& task, const nn::Parameters<float>& params, std::size_t count,
                                std::uint64_t seed);

/// The scores (M, N) of TRAK for a ridge in units of the mean of the kernel's diagonal.
Array<double> scores(const MarginKernels& kernels, double ridge);
/// Without the inverse, K(x, X) diag(1 - p): what the scores tend to, but for a factor, as the ridge grows.
Array<double> products(const MarginKernels& kernels);
/// Those of several networks (Park et al. 2023, section 3.2): the mean of what the kernels say times the mean of the
/// misses.
Array<double> ensemble_scores(const std::vector<MarginKernels>& networks, double ridge);

}  // namespace xtangent::examples
