#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "examples/common/files.hpp"

/// What the kernel program is asked for.
namespace xtangent::examples {

/// Which processes share the store.
struct SharingSettings {
  bool share = false, take_over = false;
  std::string shard;      ///< as ntk::parse_shard reads it; empty: no fixed part
  double patience = 120;  ///< seconds
};

struct Settings {
  std::string program = "kernel";   ///< the program that errors name
  std::string network = "mlp";      ///< a name of common/networks.hpp; unused where files.model is there
  std::optional<double> width;      ///< factor of the network's numbers of channels and features; none: the trainer's
  std::string weights;              ///< a safetensors file; empty: initial parameters, from `seed`
  std::string data = "digits";      ///< a name of common/images.hpp, or a folder
  InputFiles files;                 ///< examples instead of images
  std::optional<std::size_t> n;     ///< the first training examples; 0: all; none: 1000 images, or all of the inputs
  std::optional<std::size_t> test;  ///< the first test examples; none: no images, or all of the test inputs
  std::string readout = "pseudo";   ///< as ntk::readout::parse reads it, with the labels of the examples
  std::string parameters;           ///< patterns as nn::chosen_parameters reads them, between commas; empty: all
  std::string metric;  ///< a NumPy file with a positive number for each element or array, or a checkpoint; empty: none
  bool per_layer = false;           ///< the kernels of the layers, and their shares of the trace
  std::string precision = "exact";  ///< a name of ntk::Precision
  std::string memory;               ///< as parse_bytes reads it; empty: half of what is free, 2G if shared
  std::filesystem::path out = "results/kernel/K.npy";
  std::filesystem::path store;  ///< folder of finished tiles; empty: none
  SharingSettings sharing;
  bool in_double = false, dry_run = false;
  std::uint64_t seed = 1;
  std::size_t threads = 0;  ///< 0: as many as the machine has

  /// The network's name in what is shown: "lenet", or that of its file.
  std::string title() const { return files.model.empty() ? network : files.model.filename().string(); }
};

}  // namespace xtangent::examples
