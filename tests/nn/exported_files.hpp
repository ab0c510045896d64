#pragma once

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "autodiff/array.hpp"

/// The files of networks that PyTorch exported, and how results are compared with PyTorch's.
namespace xtangent::testing {

inline std::filesystem::path fixtures() {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  return std::filesystem::path(source ? source : ".") / "tests" / "fixtures" / "exported";
}

inline std::filesystem::path program(const std::string& name) { return fixtures() / (name + ".pt2"); }

inline std::vector<std::string> networks() {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(fixtures()))
    if (file.path().extension() == ".safetensors") names.insert(file.path().stem().string());
  return {names.begin(), names.end()};
}

inline double relative(const Array<double>& a, const Array<double>& b) {
  if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    worst = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(worst, d);
    scale = std::max(scale, std::abs(b[i]));
  }
  return worst / scale;
}

}  // namespace xtangent::testing
