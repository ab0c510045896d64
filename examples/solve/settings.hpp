#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// What the solve program is asked for.
namespace xtangent::examples {

struct SolveSettings {
  std::filesystem::path store = "results/kernel";  ///< a stored kernel, or a folder with train/ and perhaps test/
  std::filesystem::path labels, test_labels;       ///< NumPy files; empty: those of `data`
  std::string data;                                ///< a name of common/images.hpp, or a folder
  std::filesystem::path outputs, test_outputs;     ///< NumPy files of the network's own outputs; empty: zero
  std::vector<double> ridges = {1e-3};             ///< in units of the mean of the diagonal
  std::filesystem::path out = "results/solve";
  std::string memory;  ///< as parse_bytes reads it; empty: half of what is free
  bool single = false, keep = false;
  std::size_t threads = 0;  ///< 0: as many as the machine has
};

}  // namespace xtangent::examples
