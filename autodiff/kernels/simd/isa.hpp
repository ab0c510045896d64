#pragma once

// Included only in the files that are compiled once for each instruction set: the vectors of the set that is being
// compiled.
#include <xsimd/xsimd.hpp>

namespace xtangent::kernels::XTANGENT_ISA {

#if defined(__AVX512BW__)
using Arch = xsimd::avx512bw;
inline constexpr const char* isa_name = "AVX-512";
inline constexpr std::size_t vector_registers = 32;
#elif defined(__AVX2__)
using Arch = xsimd::fma3<xsimd::avx2>;
inline constexpr const char* isa_name = "AVX2";
inline constexpr std::size_t vector_registers = 16;
#else
using Arch = xsimd::default_arch;
inline constexpr const char* isa_name = "baseline";
inline constexpr std::size_t vector_registers = 16;
#endif
/// The number of outputs whose packed weights are stored together, see direct.hpp.
inline constexpr std::size_t output_block = vector_registers == 32 ? 8 : 4;
template <class T>
using Batch = xsimd::batch<T, Arch>;

/// The sum of a vector's elements: hadd up to xsimd 9, reduce_add since.
template <class T>
T sum_of(const Batch<T>& v) {
  if constexpr (requires { reduce_add(v); })
    return reduce_add(v);
  else
    return hadd(v);
}

}  // namespace xtangent::kernels::XTANGENT_ISA
