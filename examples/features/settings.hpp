#pragma once

#include "examples/kernel/settings.hpp"

/// What the features program is asked for.
namespace xtangent::examples {

struct FeatureSettings {
  FeatureSettings() { work.program = "features"; }

  Settings work;  ///< the network and the examples, as the kernel program takes them
  std::size_t k = 8192, anchors = 0, part = 0;
  std::string split = "pooled";                             ///< as ntk::parse_feature_split reads it
  std::vector<std::size_t> study = {};                      ///< numbers k to compare with the exact kernel; empty: none
  std::vector<std::size_t> study_anchors = {20, 100, 400};  ///< those below half of the examples are tried
  std::size_t repeats = 3;                                  ///< seeds of the signs in the study
  double ridge = 0;                                         ///< that of the study's regressions
  std::filesystem::path out = "results/features";
};

}  // namespace xtangent::examples
