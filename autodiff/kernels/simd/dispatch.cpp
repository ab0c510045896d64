#include "autodiff/kernels/simd/tables.hpp"

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

#if defined(XTANGENT_X86)
#define XTANGENT_CHOOSE(function)  \
  switch (detect()) {              \
    case InstructionSet::avx512:   \
      return avx512::function();   \
    case InstructionSet::avx2:     \
      return avx2::function();     \
    case InstructionSet::baseline: \
      break;                       \
  }                                \
  return baseline::function();
#else
#define XTANGENT_CHOOSE(function) return baseline::function();
#endif

template <>
const Loops<float>& loops<float>() {
  static const auto& table = []() -> const Loops<float>& { XTANGENT_CHOOSE(table_float) }();
  return table;
}
template <>
const Loops<double>& loops<double>() {
  static const auto& table = []() -> const Loops<double>& { XTANGENT_CHOOSE(table_double) }();
  return table;
}
template <>
const Direct<float>& direct<float>() {
  static const auto& table = []() -> const Direct<float>& { XTANGENT_CHOOSE(direct_float) }();
  return table;
}
template <>
const Direct<double>& direct<double>() {
  static const auto& table = []() -> const Direct<double>& { XTANGENT_CHOOSE(direct_double) }();
  return table;
}
template <>
const WinogradTransforms<float>& winograd_transforms<float>() {
  static const auto& table = []() -> const WinogradTransforms<float>& { XTANGENT_CHOOSE(winograd_float) }();
  return table;
}
template <>
const WinogradTransforms<double>& winograd_transforms<double>() {
  static const auto& table = []() -> const WinogradTransforms<double>& { XTANGENT_CHOOSE(winograd_double) }();
  return table;
}
template <>
const Shifts<float>& shifts<float>() {
  static const auto& table = []() -> const Shifts<float>& { XTANGENT_CHOOSE(shifts_float) }();
  return table;
}
template <>
const Shifts<double>& shifts<double>() {
  static const auto& table = []() -> const Shifts<double>& { XTANGENT_CHOOSE(shifts_double) }();
  return table;
}

}  // namespace xtangent::kernels
