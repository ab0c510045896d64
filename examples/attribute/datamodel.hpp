#pragma once

#include "examples/attribute/task.hpp"
#include "examples/common/statistics.hpp"

/// The linear datamodeling score (Park et al. 2023, section 2): whether scores predict what networks do that were
/// trained on a part of the training images.
namespace xtangent::examples {

/// Random halves of N images, as sorted indices.
std::vector<std::vector<std::size_t>> halves(std::size_t n, std::size_t count, std::uint64_t seed);

/// The sum of the scores (M, N) of test image `test` over the images of each subset.
std::vector<double> predicted(const Array<double>& scores, const std::vector<std::vector<std::size_t>>& subsets,
                              std::size_t test);
/// Column `test` of the margins (S, M) of networks that were trained on the subsets.
std::vector<double> actual(const Array<double>& margins, std::size_t test);

/// For each test image the rank correlation, over the subsets, of the predicted and the actual margins (S, M).
std::vector<double> datamodeling_scores(const Array<double>& scores,
                                        const std::vector<std::vector<std::size_t>>& subsets,
                                        const Array<double>& margins);

/// For each test image the rank correlation, over the subsets, of the margins (S, M) of two trainings on each.
std::vector<double> agreement(const Array<double>& margins, const Array<double>& others);

}  // namespace xtangent::examples
