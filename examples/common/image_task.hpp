#pragma once

#include <string>
#include <vector>

#include "examples/common/images.hpp"

namespace xtangent::examples {

using Numbers = std::vector<std::size_t>;  ///< of images, or labels

/// The images of a study as numbers, scaled to mean 0 and variance 1 over the training images of the set.
struct ImageTask {
  std::string title, source, license;  ///< of the data set
  nn::LabeledImages images;            ///< the N training images
  Array<float> x, x_test;              ///< (N, ...), (M, ...)
  Numbers y, y_test;                   ///< (N,), (M,)
  std::size_t classes = 0;
};

/// Takes at most `train` training images, all classes equally often, and the first `test` test images, at most. Throws
/// what reading throws.
ImageTask make_image_task(const ImageSet& set, const nn::TrainAndTest& images, nn::ImageLayout layout,
                          std::size_t train, std::size_t test, std::uint64_t seed);

/// The kernel of the labels, (N, N): 1 between two images of the same class, else 0.
Array<double> same_class(const Numbers& labels, std::size_t classes);

/// "Optical recognition of handwritten digits. Source: ... License: ...", as HTML.
std::string said_of_data(const ImageTask& task);

}  // namespace xtangent::examples
