#include "autodiff/kernels/precision.hpp"

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::size_t grain = 1 << 16;

}  // namespace

template <class T>
void add_widened(std::size_t n, const T* x, double* out) {
  parallel_for(n, grain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) out[i] += static_cast<double>(x[i]);
  });
}

template <class T>
void narrow(std::size_t n, const double* x, T* out) {
  parallel_for(n, grain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) out[i] = static_cast<T>(x[i]);
  });
}

#define XTANGENT_INSTANTIATE(T)                              \
  template void add_widened(std::size_t, const T*, double*); \
  template void narrow(std::size_t, const double*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
