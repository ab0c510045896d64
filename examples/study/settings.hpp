#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What the study is asked for.
namespace xtangent::examples {

struct StudySettings {
  bool full = false;                  ///< more networks, widths and seeds, on all sets of images
  std::vector<std::string> parts;     ///< names; empty: all
  std::vector<std::string> data;      ///< names of common/images.hpp, or folders; empty: what is there
  std::vector<std::string> networks;  ///< names of networks.hpp; empty: all
  std::vector<std::size_t> widths;    ///< features before the last layer; empty: those of each network
  std::size_t n = 0;                  ///< images of the kernels; 0: those of each network
  std::size_t seeds = 0;              ///< initializations of each network; 0: as many as the part says
  std::filesystem::path out = "results/study";
  std::filesystem::path scale;  ///< where ./run scale has left its tables; none need be there
  bool report = false;          ///< only make the report, from what was measured before
  bool dry_run = false;         ///< only show the plan
  std::uint64_t seed = 1;
  std::size_t threads = 0;  ///< 0: as many as the machine has
  std::string command;      ///< as it was typed
};

}  // namespace xtangent::examples
