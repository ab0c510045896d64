#include "autodiff/kernels/simd/bfloat16_tables.hpp"
#include "autodiff/kernels/simd/instruction_sets.hpp"
#include "autodiff/kernels/simd/tables.hpp"

namespace xtangent::kernels {
namespace {

std::vector<InstructionSet> detected() {
  std::vector<InstructionSet> out = {InstructionSet::baseline};
#if defined(XTANGENT_X86)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out.push_back(InstructionSet::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    out.push_back(InstructionSet::avx512);
#endif
  return out;
}

template <class Table>
const Table& chosen() {
  static const Table& table = table_of<Table>(usable_instruction_sets().back());
  return table;
}

}  // namespace

const std::vector<InstructionSet>& usable_instruction_sets() {
  static const std::vector<InstructionSet> sets = detected();
  return sets;
}

#if defined(XTANGENT_X86)
#define XTANGENT_TABLE(Table, function)              \
  template <>                                        \
  const Table& table_of<Table>(InstructionSet set) { \
    switch (set) {                                   \
      case InstructionSet::avx512:                   \
        return avx512::function();                   \
      case InstructionSet::avx2:                     \
        return avx2::function();                     \
      case InstructionSet::baseline:                 \
        break;                                       \
    }                                                \
    return baseline::function();                     \
  }
#else
#define XTANGENT_TABLE(Table, function)          \
  template <>                                    \
  const Table& table_of<Table>(InstructionSet) { \
    return baseline::function();                 \
  }
#endif
XTANGENT_TABLE(Loops<float>, table_float)
XTANGENT_TABLE(Loops<double>, table_double)
XTANGENT_TABLE(Direct<float>, direct_float)
XTANGENT_TABLE(Direct<double>, direct_double)
XTANGENT_TABLE(WinogradTransforms<float>, winograd_float)
XTANGENT_TABLE(WinogradTransforms<double>, winograd_double)
XTANGENT_TABLE(Shifts<float>, shifts_float)
XTANGENT_TABLE(Shifts<double>, shifts_double)
XTANGENT_TABLE(Bfloat16Loops, bfloat16_table)
#undef XTANGENT_TABLE

template <>
const Loops<float>& loops<float>() {
  return chosen<Loops<float>>();
}
template <>
const Loops<double>& loops<double>() {
  return chosen<Loops<double>>();
}
template <>
const Direct<float>& direct<float>() {
  return chosen<Direct<float>>();
}
template <>
const Direct<double>& direct<double>() {
  return chosen<Direct<double>>();
}
template <>
const WinogradTransforms<float>& winograd_transforms<float>() {
  return chosen<WinogradTransforms<float>>();
}
template <>
const WinogradTransforms<double>& winograd_transforms<double>() {
  return chosen<WinogradTransforms<double>>();
}
template <>
const Shifts<float>& shifts<float>() {
  return chosen<Shifts<float>>();
}
template <>
const Shifts<double>& shifts<double>() {
  return chosen<Shifts<double>>();
}
const Bfloat16Loops& bfloat16_loops() { return chosen<Bfloat16Loops>(); }

}  // namespace xtangent::kernels
