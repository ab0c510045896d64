// Which products in bfloat16 this processor runs.
#include <vector>

#include "autodiff/kernels/simd/bfloat16.hpp"
#include "autodiff/kernels/simd/bfloat16_tables.hpp"

#if defined(XTANGENT_BFLOAT16) && defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace xtangent::kernels {
namespace {

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// What the processor says of itself on a page of leaf 7, or zeros if it has no such page.
Registers features(unsigned page) {
  Registers r;
  if (!__get_cpuid_count(7, 0, &r.eax, &r.ebx, &r.ecx, &r.edx)) return {};
  if (page > 0 && (page > r.eax || !__get_cpuid_count(7, page, &r.eax, &r.ebx, &r.ecx, &r.edx))) return {};
  return r;
}

bool has_avx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_bf16() {
  constexpr unsigned avx512_bf16 = 1U << 5;
  return has_avx512() && (features(1).eax & avx512_bf16) != 0;
}

// Linux keeps the 8 KiB of tile data for those processes only that ask for them (arch_prctl with ARCH_REQ_XCOMP_PERM).
bool tiles_granted() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

bool has_amx() {
  constexpr unsigned amx_bf16 = 1U << 22, amx_tile = 1U << 24;
  const unsigned edx = features(0).edx;
  return has_avx512() && (edx & amx_bf16) != 0 && (edx & amx_tile) != 0 && tiles_granted();
}

std::vector<const Bfloat16Product*> detected() {
  std::vector<const Bfloat16Product*> out;
  if (has_avx512_bf16()) out.push_back(&avx512bf16::bfloat16_product());
  if (has_amx()) out.push_back(&amx::bfloat16_product());
  return out;
}

bool is_intel() {
  __builtin_cpu_init();
  return __builtin_cpu_is("intel");
}

}  // namespace
#else
namespace xtangent::kernels {
namespace {

std::vector<const Bfloat16Product*> detected() { return {}; }

bool is_intel() { return false; }

}  // namespace
#endif

const std::vector<const Bfloat16Product*>& bfloat16_products() {
  static const std::vector<const Bfloat16Product*> products = detected();
  return products;
}

const Bfloat16Product* fastest_bfloat16_product() {
  const std::vector<const Bfloat16Product*>& all = bfloat16_products();
  return all.empty() || (all.size() == 1 && is_intel()) ? nullptr : all.back();
}

}  // namespace xtangent::kernels
