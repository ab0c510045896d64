#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "examples/common/files.hpp"

/// The settings of the trainer. Where none is given, the data set and the network decide.
namespace xtangent::examples {

struct Settings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::string network;              ///< a name of common/networks.hpp
  std::filesystem::path data;       ///< folder of the files, or a folder above; empty: the usual places
  InputFiles files;                 ///< examples instead of images
  std::filesystem::path out;        ///< empty: results/train/DATASET-NETWORK
  std::optional<double> width;      ///< factor of the network's numbers of channels and features
  std::optional<std::size_t> epochs, batch_size;
  std::optional<std::string> optimizer;  ///< sgd, adam or adamw
  std::optional<double> learning_rate, momentum, weight_decay;
  std::optional<std::string> schedule;  ///< constant, step, cosine, warmup or onecycle
  std::optional<double> clip_norm;
  std::optional<bool> augment;
  std::string weights;  ///< a safetensors file to begin with
  std::vector<std::string> frozen;
  std::size_t n = 0;  ///< of the training images, at most; 0: all
  std::size_t metrics_steps = 20, checkpoint_steps = 0;
  std::uint64_t seed = 1;
  std::size_t threads = 0;  ///< 0: as many as the machine has
  bool resume = false;
  std::string command;  ///< what was typed
};

}  // namespace xtangent::examples
