#include "examples/common/machine.hpp"

#include <algorithm>
#include <fstream>

namespace xtangent::examples {

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

}  // namespace xtangent::examples
