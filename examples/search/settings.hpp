#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace xtangent::examples {

struct SearchSettings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::filesystem::path data;       ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/search";
  std::size_t networks = 0;  ///< so many of the space, drawn at random; 0: all
  std::size_t n = 1000;      ///< training images, at most
  std::size_t test = 2000;   ///< test images, at most
  std::size_t scored = 256;  ///< training images from which the scores are, at most
  std::size_t seeds = 3;     ///< initial values of each network
  std::size_t epochs = 15;
  std::size_t batch_size = 50;
  double learning_rate = 2e-3;  ///< Adam's, at the start; it falls to 0
  std::uint64_t seed = 1;
  std::size_t threads = 0;
  std::string command;  ///< as it was typed
};

}  // namespace xtangent::examples
