#include "ntk/planning/budget.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include "autodiff/array.hpp"

namespace xtangent::ntk {

double memory_budget(std::size_t bytes) {
  // Budgets are turned back into numbers of bytes, and a double next to the largest one would not fit.
  constexpr std::size_t most = std::size_t{1} << 62;
  if (bytes) return static_cast<double>(std::min(bytes, most));
  std::ifstream file("/proc/meminfo");
  std::string word;
  double kib = 0;
  while (file >> word)
    if (word == "MemAvailable:" && file >> kib)
      return 0.5 * (kib * 1024 + static_cast<double>(memory_statistics().recycled));
  return 1u << 30;  // if the free memory cannot be read
}

}  // namespace xtangent::ntk
