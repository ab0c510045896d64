#pragma once

#include "autodiff/kernels/simd/bfloat16.hpp"
#include "autodiff/kernels/simd/direct.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/kernels/simd/shifts.hpp"
#include "autodiff/kernels/simd/winograd_transforms.hpp"

// The tables of loops for each compiled instruction set; dispatch.cpp chooses one for the processor.
namespace xtangent::kernels {

namespace baseline {
const Loops<float>& table_float();
const Loops<double>& table_double();
const Direct<float>& direct_float();
const Direct<double>& direct_double();
const WinogradTransforms<float>& winograd_float();
const WinogradTransforms<double>& winograd_double();
const Shifts<float>& shifts_float();
const Shifts<double>& shifts_double();
const Bfloat16Loops& bfloat16_table();
}  // namespace baseline
namespace avx2 {
const Loops<float>& table_float();
const Loops<double>& table_double();
const Direct<float>& direct_float();
const Direct<double>& direct_double();
const WinogradTransforms<float>& winograd_float();
const WinogradTransforms<double>& winograd_double();
const Shifts<float>& shifts_float();
const Shifts<double>& shifts_double();
const Bfloat16Loops& bfloat16_table();
}  // namespace avx2
namespace avx512 {
const Loops<float>& table_float();
const Loops<double>& table_double();
const Direct<float>& direct_float();
const Direct<double>& direct_double();
const WinogradTransforms<float>& winograd_float();
const WinogradTransforms<double>& winograd_double();
const Shifts<float>& shifts_float();
const Shifts<double>& shifts_double();
const Bfloat16Loops& bfloat16_table();
}  // namespace avx512
namespace avx512bf16 {
const Bfloat16Product& bfloat16_product();
}  // namespace avx512bf16
namespace amx {
const Bfloat16Product& bfloat16_product();
}  // namespace amx

}  // namespace xtangent::kernels
