#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace xtangent::examples {

struct ActiveSettings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::string network = "mlp";
  std::optional<double> width;  ///< factor of channels and features; none: 1/4
  std::filesystem::path data;   ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/active";
  std::size_t pool = 1000;   ///< training images, at most: those with labels and those without
  std::size_t test = 1000;   ///< test images, at most
  std::size_t start = 20;    ///< labelled images at the beginning, all classes equally often
  std::size_t acquire = 20;  ///< images that get a label in each round
  std::size_t rounds = 9;
  std::size_t seeds = 5;  ///< initial networks and first images
  std::size_t steps = 300, batch_size = 20;
  double learning_rate = 2e-3;  ///< Adam's, at the start; it falls to 0
  double ridge = 0.1;           ///< of the look-ahead, relative to the mean of the kernel's diagonal
  std::size_t trials = 30;      ///< images for which the look-ahead is compared with training, for each seed
  std::uint64_t seed = 1;
  std::size_t threads = 0;
  std::string command;  ///< as it was typed
};

}  // namespace xtangent::examples
