#pragma once

#include "examples/kernel/settings.hpp"

namespace xtangent::examples {

/// Shows the plan; then, unless it is a dry run, computes the kernel of the first training examples, and that of test
/// with training examples where some are asked for, with a bar on the terminal, and writes them as NumPy files. Throws
/// Interrupted between pieces of work, and what loading, kernels and writing throw.
void compute(const Settings& settings);

/// The file for the kernel between test and training images: K_test.npy beside K.npy.
std::filesystem::path test_file(const std::filesystem::path& out);

}  // namespace xtangent::examples
