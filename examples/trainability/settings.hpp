#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace xtangent::examples {

struct TrainabilitySettings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::string activation = "tanh";  ///< or relu
  std::filesystem::path data;       ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/trainability";
  std::vector<std::size_t> depths = {1, 2, 4, 8, 16};           ///< hidden layers, ascending
  std::vector<double> gains = {0.8, 1.0, 1.25, 1.5, 2.0, 3.0};  ///< deviation of a weight times √inputs, ascending
  std::size_t width = 200;                                      ///< of every hidden layer
  std::size_t n = 100;                                          ///< training images
  std::size_t test = 500;                                       ///< test images, at most
  std::size_t seeds = 3;
  std::size_t steps = 200;  ///< of gradient descent on all training images
  std::uint64_t seed = 1;
  std::size_t threads = 0;
  std::string command;  ///< as it was typed
};

}  // namespace xtangent::examples
