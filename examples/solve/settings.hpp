#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "examples/kernel/settings.hpp"

/// What the solve program is asked for.
namespace xtangent::examples {

struct SolveSettings {
  SolveSettings() {
    work.program = "solve";
    work.network = work.data = "";
    work.in_double = true;
  }

  /// A network, whose eNTK is never formed; none: a stored kernel. Also the labels, and the images that they are of.
  Settings work;
  std::filesystem::path store = "results/kernel";  ///< a stored kernel, or a folder with train/ and perhaps test/
  std::filesystem::path features;                  ///< a folder with features in train/ and perhaps test/; empty: none
  std::filesystem::path outputs, test_outputs;     ///< NumPy files of the network's own outputs; empty: zero
  std::vector<double> ridges = {1e-3};             ///< in units of the mean of the diagonal
  std::filesystem::path out = "results/solve";
  std::string memory;  ///< as parse_bytes reads it; empty: half of what is free, 2G if shared
  bool single = false, keep = false;
  std::string preconditioner = "pseudo";  ///< with a network, as ntk::parse_preconditioner reads it
  double tolerance = 1e-6;                ///< with a network: the residual, relative to what is fitted
  std::size_t iterations = 2000;          ///< with a network: at most so many
  std::size_t threads = 0;                ///< 0: as many as the machine has, or as a process has a part in

  /// Whether other processes form the kernel of features, too.
  bool shares() const { return work.sharing.share || !work.sharing.shard.empty(); }
  bool with_network() const { return !work.network.empty() || !work.files.model.empty(); }
};

}  // namespace xtangent::examples
