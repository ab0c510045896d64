#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "examples/study/networks.hpp"
#include "examples/study/settings.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::examples {

/// A kind of network on a set of images.
struct StudyCase {
  const StudyNetwork* network = nullptr;
  std::string data;

  std::string title() const { return network->title + ", " + data; }
};

/// What all units of a run share: images, which are read once, and the speed of the machine.
class Workplace {
 public:
  explicit Workplace(StudySettings settings) : settings_(std::move(settings)) {}

  const StudySettings& settings() const { return settings_; }
  /// Names of the sets of images: those that were asked for, else MNIST and CIFAR-10 as far as they are there, else the
  /// digits. A folder is called by its own name.
  const std::vector<std::string>& data();
  /// A set by one of these names. Throws data_error.
  const nn::TrainAndTest& images(const std::string& data);
  /// The networks and the images that they see. The quick study has each network on one set: the residual ones on color
  /// images where there are any.
  std::vector<StudyCase> cases();
  std::vector<std::size_t> widths(const StudyNetwork& network) const;
  std::size_t kernel_images(const StudyNetwork& network) const { return settings_.n ? settings_.n : network.n; }
  std::vector<std::uint64_t> seeds(std::size_t quick, std::size_t full) const;

  /// The same images for every seed and width, all classes equally often.
  std::vector<std::size_t> train_indices(const std::string& data, std::size_t count);
  std::vector<std::size_t> test_indices(const std::string& data, std::size_t count);
  /// Training or test images as numbers of mean 0 and variance 1 over all pixels of the training images.
  Array<float> pixels(const std::string& data, const std::vector<std::size_t>& indices, nn::ImageLayout layout,
                      bool test = false);

  /// What f returns, a time in seconds, which is measured once for each name.
  double timed_once(const std::string& name, const std::function<double()>& f);
  /// Estimated seconds for floating-point operations of kernels of residual networks, by a small one that is timed
  /// once.
  double seconds(double flop);
  /// Estimated seconds of both kernels of `n` images of a network, with their eigenvalues, by kernels of a narrow
  /// network of the kind that are timed once.
  double kernel_seconds(const StudyCase& one, std::size_t width, std::size_t n);

 private:
  StudySettings settings_;
  std::vector<std::string> data_;
  std::map<std::string, std::string> where_;  // the set or the folder for each name
  std::map<std::string, nn::TrainAndTest> images_;
  std::map<std::string, nn::PixelScaling> scaling_;
  std::map<std::string, double> times_;  // measured and estimated, by name
};

/// Classes of chosen images.
std::vector<std::size_t> labels_at(const nn::LabeledImages& images, const std::vector<std::size_t>& indices);

}  // namespace xtangent::examples
