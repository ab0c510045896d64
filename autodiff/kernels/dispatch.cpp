#include "autodiff/kernels/loops_tables.hpp"

namespace xtangent::kernels {
namespace {

enum class InstructionSet { baseline, avx2, avx512 };

InstructionSet detect() {
#if defined(XTANGENT_X86)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vl"))
    return InstructionSet::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

}  // namespace

template <>
const Loops<float>& loops<float>() {
  static const Loops<float>& table = []() -> const Loops<float>& {
#if defined(XTANGENT_X86)
    if (detect() == InstructionSet::avx512) return avx512::table_float();
    if (detect() == InstructionSet::avx2) return avx2::table_float();
#endif
    return baseline::table_float();
  }();
  return table;
}

template <>
const Loops<double>& loops<double>() {
  static const Loops<double>& table = []() -> const Loops<double>& {
#if defined(XTANGENT_X86)
    if (detect() == InstructionSet::avx512) return avx512::table_double();
    if (detect() == InstructionSet::avx2) return avx2::table_double();
#endif
    return baseline::table_double();
  }();
  return table;
}

}  // namespace xtangent::kernels
