#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace xtangent::examples {

struct LandscapeSettings {
  std::string data_set = "digits";  ///< or mnist, fashion, cifar10
  std::string network = "mlp";
  double width = 0.5;                  ///< factor of channels and features
  std::string loss = "cross-entropy";  ///< or squared-error, which is a mean over images and outputs
  std::string readout = "pseudo";      ///< of the kernel, as ntk::readout::parse reads it
  std::filesystem::path data;          ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/landscape";
  std::size_t n = 1000;     ///< training images, at most
  std::size_t test = 1000;  ///< test images, at most
  std::size_t entk = 100;   ///< of the training images, at most, those whose eNTK is looked at
  std::size_t seeds = 5;    ///< initial networks
  std::size_t epochs = 50, batch_size = 50;
  std::optional<double> learning_rate;  ///< of plain stochastic gradient descent; none: by the loss
  double ridge = 1e-3;                  ///< of kernel regression, relative to the mean of the kernel's diagonal
  std::uint64_t seed = 1;
  std::size_t threads = 0;
  std::string command;  ///< as it was typed

  bool squares() const { return loss == "squared-error"; }
  double rate() const { return learning_rate.value_or(squares() ? 1.0 : 0.5); }
};

}  // namespace xtangent::examples
