#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace xtangent::examples {

struct AttributeSettings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::string network;              ///< empty: mlp for digits, lenet for mnist and fashion, convnet for cifar10
  std::optional<double> width;      ///< factor of channels and features; none: 1 for lenet, else 1/8
  std::filesystem::path data;       ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/attribute";
  std::size_t n = 1000;    ///< training images, at most
  std::size_t test = 200;  ///< test images, at most
  std::size_t epochs = 40, batch_size = 50;
  double learning_rate = 4e-3;  ///< Adam's, at the start; it falls to 0
  double ridge = 1;             ///< for the scores, relative to the mean of the kernel's diagonal
  std::vector<std::size_t> projections = {2048, 8192};  ///< numbers to which gradients are projected
  std::size_t subsets = 200;   ///< random halves of the training images on which networks are trained
  std::size_t repeats = 2;     ///< networks for each half
  std::size_t ensemble = 5;    ///< networks whose scores are averaged
  double flipped = 0.1;        ///< share of the labels that are flipped
  std::size_t flip_seeds = 5;  ///< networks that are trained on flipped labels
  std::uint64_t seed = 1;
  std::size_t threads = 0;
  std::string command;  ///< as it was typed
};

}  // namespace xtangent::examples
