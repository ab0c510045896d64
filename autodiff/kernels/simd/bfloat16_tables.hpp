#pragma once

#include "autodiff/kernels/simd/bfloat16.hpp"

// The loops and products in bfloat16 for each compiled instruction set, as in tables.hpp.
namespace xtangent::kernels {

namespace baseline {
const Bfloat16Loops& bfloat16_table();
}
namespace avx2 {
const Bfloat16Loops& bfloat16_table();
}
namespace avx512 {
const Bfloat16Loops& bfloat16_table();
}
namespace avx512bf16 {
const Bfloat16Product& bfloat16_product();
}
namespace amx {
const Bfloat16Product& bfloat16_product();
}

}  // namespace xtangent::kernels
