#pragma once

#include <fstream>
#include <stdexcept>
#include <string>

#include "nn/training/trainer.hpp"

/// What benchmarks measure.
namespace xtangent::benchmarks {

using nn::Clock;

/// Largest resident memory of this process so far, MiB.
inline double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024.0;
  throw std::runtime_error("no VmHWM in /proc/self/status");
}

}  // namespace xtangent::benchmarks
