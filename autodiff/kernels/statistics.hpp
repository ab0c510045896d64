#pragma once

#include <cstddef>

/// Running means of arrays.
namespace xtangent::kernels {

/// Adds sample number `count` (from 1) to running means and sums of squares: mean (n) becomes the mean of all samples,
/// and squares (n) the sum of their squared differences from it. Welford, Note on a Method for Calculating Corrected
/// Sums of Squares and Products, 1962.
void add_sample(std::size_t n, std::size_t count, const double* sample, double* mean, double* squares);

}  // namespace xtangent::kernels
