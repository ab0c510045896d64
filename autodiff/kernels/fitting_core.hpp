#pragma once

#include <string>

namespace xtangent::kernels {

/// The core of OpenBLAS that fits the vector instructions of this processor, where OpenBLAS has chosen `core`: the
/// same, unless another one is faster or `core` needs instructions that there are not. It needs nothing of OpenBLAS, so
/// that the core can also be chosen before OpenBLAS is loaded.
std::string fitting_core(const std::string& core);

}  // namespace xtangent::kernels
