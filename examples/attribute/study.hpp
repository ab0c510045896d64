#pragma once

#include "examples/attribute/datamodel.hpp"
#include "examples/attribute/flips.hpp"
#include "examples/attribute/task.hpp"

namespace xtangent::examples {

/// One way to make scores.
struct Method {
  std::string id = {};             ///< "exact", "projected_2048", "ensemble", "products": in files
  std::string name = {};           ///< in the report
  Array<double> scores = {};       ///< (M, N) with settings.ridge
  std::vector<double> lds = {};    ///< one for each test image
  std::vector<double> curve = {};  ///< mean over the test images for each of `ridges`; empty where there is no ridge
  double seconds = 0;              ///< for the kernels and the scores
};

struct Study {
  AttributeSettings settings = {};
  Task task;
  std::size_t parameters = 0;
  nn::Parameters<float> params = {};          ///< for the network that is explained
  std::vector<double> misses = {};            ///< (N,), 1 - p at the labels of the training images
  std::vector<std::size_t> predictions = {};  ///< its classes for the test images
  double test_accuracy = 0;                   ///< on the test images that are used
  double train_accuracy = 0;
  std::vector<std::vector<std::size_t>> subsets = {};  ///< that networks were retrained on
  Array<double> margins = {};                          ///< (S, M), means over the networks of a half
  std::vector<double> agreement = {};                  ///< between two networks of a half, for each image; may be empty
  std::vector<double> ridges = {};                     ///< along the curves
  std::vector<Method> methods = {};                    ///< the first one is exact
  std::vector<FlipStudy> flips = {};                   ///< after a quarter of the epochs, and after all
  double seconds_training = 0, seconds = 0;

  const Method& exact() const { return methods.front(); }
};

/// Runs everything. Throws what training and kernels throw.
Study study(const AttributeSettings& settings, Task task);

}  // namespace xtangent::examples
