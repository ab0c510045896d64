#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nn/data/images.hpp"

/// Kernel inducing points: a few images whose kernel regression does as well as that of many (Nguyen, Chen, Lee:
/// Dataset Meta-Learning from Kernel Ridge-Regression, ICLR 2021), with empirical kernels of finite networks.
namespace xtangent::examples {

struct DistillSettings {
  std::string data_set = "digits";  ///< or mnist, fashion
  std::string network = "mlp";      ///< mlp or lenet
  std::filesystem::path data;       ///< folder of the files, or a folder above; empty: the usual places
  std::filesystem::path out = "results/distill";
  std::size_t width = 1024;  ///< units in each of the mlp's hidden layers
  std::size_t steps = 400, batch_size = 500;
  std::size_t test_images = 10000;  ///< at most
  std::size_t draws = 20;           ///< how often real images are drawn at random, to compare with
  double learning_rate = 0.05;      ///< Adam's, in standard deviations of the pixels
  double ridge = 1e-4;              ///< relative to the mean of the kernel's diagonal
  std::uint64_t seed = 1;
  std::size_t threads = 0;
};

struct Distillation {
  Array<double> before, after;                    ///< (classes, height, width); 0 is paper, 1 is ink
  std::vector<std::pair<double, double>> losses;  ///< step, mean squared error on the batch
  double accuracy = 0;                            ///< accuracy on test images of regression from the distilled images
  double first = 0;                               ///< accuracy of regression from the images at the beginning
  std::vector<double> random;                     ///< accuracies from random real images
  std::size_t test_images = 0;
  double seconds = 0;
};

/// Starts from a random image of each class and follows the gradient of the loss of kernel ridge regression on batches
/// of training images, through the pNTK of a network that is initialized anew at each step, so that the images do not
/// fit a single network; accuracies are those of one more network. Throws option_error, and what reading data throws.
Distillation distill(const DistillSettings& settings, const nn::TrainAndTest& images);

}  // namespace xtangent::examples
