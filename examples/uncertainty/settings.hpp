#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace xtangent::examples {

struct UncertaintySettings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::string other = "shuffled";   ///< images of no class: another set, or the test images with shuffled pixels
  std::string network = "mlp";
  std::optional<double> width;  ///< factor of channels and features; none: 1/4
  std::filesystem::path data;   ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/uncertainty";
  std::size_t n = 300;         ///< training images
  std::size_t held_out = 100;  ///< images by which a temperature and a variance are chosen
  std::size_t test = 1000;     ///< test images, and images of the other set, at most
  std::size_t ensemble = 5;
  std::size_t seeds = 3;  ///< choices of training images, each with an ensemble
  std::size_t epochs = 100, batch_size = 20;
  double learning_rate = 0.02;  ///< of SGD with momentum 0.9, at the start; it falls to 0
  double decay = 1e-3;          ///< weight decay
  std::uint64_t seed = 1;
  std::size_t threads = 0;
  std::string command;  ///< as it was typed
};

}  // namespace xtangent::examples
