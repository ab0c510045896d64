#pragma once

#include "examples/quickstart/experiment.hpp"
#include "examples/quickstart/networks.hpp"

namespace xtangent::examples {

/// The images for the kernels in the layout that one kind of network takes, with their labels.
struct KernelInputs {
  Array<float> train, test;
  std::vector<std::size_t> train_labels, test_labels;
  Array<double> targets;  ///< one-hot
};

/// All four kernels of a network at one time, and their comparison.
struct Kernels {
  Array<double> entk, pntk, entk_test, pntk_test;
  Comparison comparison;
};

/// Updates the progress after each of the four kernels.
Kernels kernels_of(const nn::AnyModule& net, const nn::Parameters<float>& params, const KernelInputs& inputs,
                   Progress& progress);

/// Mean absolute diagonal entry over mean absolute other entry, of the blocks of all images with themselves.
double diagonality(const Array<double>& entk, std::size_t outputs);
/// The blocks of the first two images of an eNTK, (2 O, 2 O).
Array<double> first_pair(const Array<double>& entk, std::size_t outputs);
/// Mean of the diagonal of each block of an eNTK, (N, N).
Array<double> block_traces(const Array<double>& entk, std::size_t outputs);
/// Rows and columns in another order.
Array<double> reordered(const Array<double>& kernel, const std::vector<std::size_t>& order);

}  // namespace xtangent::examples
