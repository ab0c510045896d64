#include "examples/common/in_parallel.hpp"

#include <mutex>

#include "autodiff/kernels/parallel.hpp"
#include "examples/common/interruption.hpp"

namespace xtangent::examples {

void in_parallel(std::size_t count, Progress& bar, const std::function<void(std::size_t)>& work,
                 const std::function<double(std::size_t)>& weight) {
  std::mutex one;
  double done = 0;
  kernels::parallel_for(count, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last && !interrupted(); ++i) {
      work(i);
      const std::lock_guard lock(one);
      bar.update(done += weight ? weight(i) : 1);
    }
  });
  end_if_interrupted();
}

}  // namespace xtangent::examples
