#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nn/training/epoch.hpp"
#include "nn/training/optimizer.hpp"

/// Checkpoints, by which a training survives an interruption: the state of `fit` between two updates, and its file.
namespace xtangent::nn {

struct CheckpointOptions {
  std::filesystem::path file = {};  ///< its folder is made if it does not exist; none: no checkpoints
  /// Go on from the file if it exists. The result has the same bits as that of a training that was never interrupted.
  bool resume = false;
  /// The file is written after each epoch, and also after this many updates (0: never) and after this many seconds
  /// (infinity: never).
  std::size_t steps = 0;
  double seconds = 60.0;
};

/// The state of a training between two updates. Random numbers and the order of examples are functions of seed, epoch
/// and step, so there is nothing else to remember.
template <class T>
struct TrainingState {
  Parameters<T> params;  ///< parameters and buffers
  OptimizerState<T> optimizer;
  std::size_t epoch = 1;         ///< number of the running epoch
  std::size_t done = 0;          ///< examples that the running epoch has seen
  std::size_t correct = 0;       ///< how many of the examples in `done` were classified correctly
  double loss = 0.0;             ///< sum of the losses of the examples in `done`
  double seconds = 0.0;          ///< time that the running epoch has taken
  std::vector<Epoch> history{};  ///< the epochs before
};

/// The settings that must not change between the parts of a training, as names and texts. A checkpoint with other
/// settings is refused.
using TrainingSettings = std::vector<std::pair<std::string, std::string>>;

/// About how many bytes a checkpoint of a training of these parameters by this rule has after so many epochs: those of
/// the arrays exactly, the few others not too small.
template <class T>
double checkpoint_bytes(const Parameters<T>& params, const Optimizer<T>& optimizer, std::size_t epochs);

/// Writes a state as a safetensors file, whole or not at all. Parameters and buffers are stored under their names, so
/// load_parameters reads it with ignore_extra. Throws data_error with the system's reason.
template <class T>
void save_checkpoint(const std::filesystem::path& file, const TrainingState<T>& state,
                     const TrainingSettings& settings);

/// Reads a state for a training with these parameters and settings. Throws data_error naming the file if it is missing,
/// corrupt (by its checksum, or of a state that no training has) or no checkpoint; option_error listing the settings
/// that differ; parameter_error for parameters of another network.
template <class T>
TrainingState<T> load_checkpoint(const std::filesystem::path& file, Parameters<T> params,
                                 const TrainingSettings& settings);

/// The optimizer's state in a checkpoint of a training of these parameters, whatever its settings, such as what
/// ntk::adam_metric takes. Throws as load_checkpoint; parameters with another number of elements are parameter_error.
template <class T>
OptimizerState<T> load_optimizer_state(const std::filesystem::path& file, const Parameters<T>& params);

}  // namespace xtangent::nn
