#pragma once

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
}  // namespace avx512

}  // namespace xtangent::kernels
