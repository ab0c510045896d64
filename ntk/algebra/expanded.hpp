#pragma once

#include "autodiff/array.hpp"

/// Kernels that treat every output by itself, written out for all outputs.
namespace xtangent::ntk {

/// K (x) I for K (n, m): (n outputs, m outputs).
Array<double> expanded(const Array<double>& kernel, std::size_t outputs);
/// x[i] I for x (m,): (m, outputs, outputs).
Array<double> block_identities(const Array<double>& x, std::size_t outputs);
/// The diagonals (m, o) of blocks (m, o, o).
Array<double> block_diagonals(const Array<double>& blocks);

}  // namespace xtangent::ntk
