#include "autodiff/kernels/statistics.hpp"

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {

void add_sample(std::size_t n, std::size_t count, const double* sample, double* mean, double* squares) {
  const double part = 1 / static_cast<double>(count);
  parallel_for(n, 16384, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const double before = sample[i] - mean[i];
      mean[i] += part * before;
      squares[i] += before * (sample[i] - mean[i]);
    }
  });
}

}  // namespace xtangent::kernels
