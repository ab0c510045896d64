#pragma once

#include <string>
#include <vector>

#include "examples/common/image_task.hpp"
#include "examples/common/statistics.hpp"
#include "examples/dynamics/settings.hpp"
#include "nn/module.hpp"

namespace xtangent::examples {

/// Training, and what is predicted of it from a kernel at initialization.
enum class Told { training, entk, pntk, last_layer };
/// With the names of the tables, "entk", and for people, "eNTK".
struct Teller {
  Told told;
  std::string id, name;
};
const std::vector<Teller>& tellers();

enum class TrainingLoss { squared_error, cross_entropy };
/// "squared error".
std::string name_of(TrainingLoss loss);

/// How one training goes on, or how a prediction says that it does: one value for each of the steps that are looked at.
struct LossCurve {
  Told told;
  std::vector<double> train_loss, test_loss, accuracy;  ///< accuracy: on the test images
  /// On the test images: the distance of the predicted outputs from the trained network's, divided by how far these
  /// have moved. 0 for training itself and at the beginning.
  std::vector<double> apart;
};

/// One network with one loss.
struct DynamicsRun {
  TrainingLoss loss;
  std::size_t width = 0, seed = 0;
  double rate = 0;  ///< the learning rate itself
  std::vector<LossCurve> curves;
  const LossCurve& curve(Told told) const;
};

struct DynamicsStudy {
  DynamicsSettings settings;
  ImageTask task;
  std::vector<std::size_t> steps = {};  ///< that are looked at, from 0 to the last
  std::vector<DynamicsRun> runs = {};
  double seconds = 0;

  /// The runs of one loss and width, in the order of the seeds.
  std::vector<const DynamicsRun*> runs_of(TrainingLoss loss, std::size_t width) const;
  /// How far the predicted outputs lie apart at the last step, over the seeds.
  Mean apart(TrainingLoss loss, std::size_t width, Told told) const;
  /// The largest distance, over the steps, between the predicted and the actual training loss, relative to the loss at
  /// the beginning, over the seeds.
  Mean loss_gap(TrainingLoss loss, std::size_t width, Told told) const;
};

/// The network of a width in the NTK parameterization, for these images. Throws option_error (no such network),
/// shape_error (a width that does not fit).
nn::AnyModule dynamics_network(const DynamicsSettings& settings, const nn::LabeledImages& images, std::size_t width);

/// Trains networks of all widths by gradient descent with both losses and predicts each training from the kernels of
/// its initial network. Shows a bar. Throws what training and kernels throw.
DynamicsStudy dynamics_study(const DynamicsSettings& settings, ImageTask task);

}  // namespace xtangent::examples
