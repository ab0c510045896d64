#include "autodiff/kernels/fitting_core.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace xtangent::kernels {
namespace {

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string fitting_core(const std::string& core) {
  std::string suggested = core;
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  // The flags of usable_instruction_sets(), which the test compares. The Python package compiles this file without it.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  // A name that is in none of the lists is of an OpenBLAS newer than they are, which knows its processors.
  const bool core_is_avx512 = one_of(core, {"SkylakeX", "Cooperlake", "SapphireRapids"});
  const bool core_is_avx2 = one_of(core, {"Haswell", "Zen", "Excavator"});
  const bool core_is_older =
      one_of(core, {"Katmai",    "Coppermine", "Northwood", "Prescott",    "Banias",     "Atom",       "Core2",
                    "Penryn",    "Dunnington", "Nehalem",   "Sandybridge", "Athlon",     "Opteron",    "Opteron_SSE3",
                    "Barcelona", "Nano",       "Bobcat",    "Bulldozer",   "Piledriver", "Steamroller"});
  // AVX2 kernels on an AVX-512 processor of AMD are within a few percent of its AVX-512 ones; elsewhere they are not.
  const bool fast_avx2 = avx512 && !__builtin_cpu_is("intel");
  if (avx512 && (core_is_older || (core_is_avx2 && !fast_avx2)))
    suggested = "SkylakeX";
  else if (!avx512 && avx2 && core_is_older)
    suggested = __builtin_cpu_is("amd") ? "Zen" : "Haswell";
  else if (!avx512 && core_is_avx512)
    suggested = avx2 ? "Haswell" : "Nehalem";
#endif
  return suggested;
}

}  // namespace xtangent::kernels
