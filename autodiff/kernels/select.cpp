#include "autodiff/kernels/select.hpp"

#include <algorithm>

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

std::size_t blocks_a_task(std::size_t block) {
  return std::max<std::size_t>(1, (1 << 14) / std::max<std::size_t>(1, block));
}

}  // namespace

template <class T>
void select(std::size_t repeats, std::size_t blocks, std::size_t block, std::size_t picks, const std::uint32_t* index,
            const T* x, T* out) {
  parallel_for(repeats * blocks, blocks_a_task(picks), [&](std::size_t first, std::size_t last) {
    for (std::size_t b = first; b < last; ++b) {
      const std::uint32_t* at = index + b % blocks * picks;
      for (std::size_t j = 0; j < picks; ++j) out[b * picks + j] = x[b * block + at[j]];
    }
  });
}

template <class T>
void unselect(std::size_t repeats, std::size_t blocks, std::size_t block, std::size_t picks, const std::uint32_t* index,
              const T* x, T* out) {
  parallel_for(repeats * blocks, blocks_a_task(block), [&](std::size_t first, std::size_t last) {
    for (std::size_t b = first; b < last; ++b) {
      const std::uint32_t* at = index + b % blocks * picks;
      T* to = out + b * block;
      std::fill_n(to, block, T(0));
      for (std::size_t j = 0; j < picks; ++j) to[at[j]] += x[b * picks + j];
    }
  });
}

#define XTANGENT_INSTANTIATE(T)                                                                                 \
  template void select(std::size_t, std::size_t, std::size_t, std::size_t, const std::uint32_t*, const T*, T*); \
  template void unselect(std::size_t, std::size_t, std::size_t, std::size_t, const std::uint32_t*, const T*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
