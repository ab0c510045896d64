#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace xtangent::examples {

struct DynamicsSettings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::string network = "mlp";      ///< or convnet
  std::filesystem::path data;       ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/dynamics";
  std::vector<std::size_t> widths = {64, 256, 1024};  ///< features of the last hidden layer, ascending
  std::size_t n = 100;                                ///< training images
  std::size_t test = 500;                             ///< test images, at most
  std::size_t seeds = 3;
  std::size_t steps = 1000;  ///< of gradient descent on all training images
  double rate = 0.5;         ///< in units of the largest rate at which the linearized network does not diverge
  std::uint64_t seed = 1;
  std::size_t threads = 0;
  std::string command;  ///< as it was typed
};

}  // namespace xtangent::examples
