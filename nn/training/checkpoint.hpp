#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nn/training/epoch.hpp"
#include "nn/training/optimizer.hpp"

/// Trainings that survive an interruption: what fit remembers between two updates, and its file.
namespace xtangent::nn {

struct CheckpointOptions {
  std::filesystem::path file = {};  ///< in a folder that is made if need be; none: no checkpoints
  /// Goes on from the file, if it is there, to the same bits as a training that was never interrupted.
  bool resume = false;
  /// Written after each epoch; within an epoch after so many updates (0: never) or seconds (infinity: never), too.
  std::size_t steps = 0;
  double seconds = 60.0;
};

/// Where a training stands between two updates. Random numbers and the order of examples are functions of seed, epoch
/// and step, so nothing else has to be remembered.
template <class T>
struct TrainingState {
  Parameters<T> params;  ///< with buffers
  OptimizerState<T> optimizer;
  std::size_t epoch = 1;         ///< the one that runs
  std::size_t done = 0;          ///< examples of it
  std::size_t correct = 0;       ///< of those
  double loss = 0.0;             ///< sum over those
  double seconds = 0.0;          ///< of the running epoch
  std::vector<Epoch> history{};  ///< of the epochs before
};

/// What must not change between the parts of a training, as names and texts: a checkpoint of other settings is refused.
using TrainingSettings = std::vector<std::pair<std::string, std::string>>;

/// Writes a state, whole or not at all, as a safetensors file: parameters and buffers under their names, so
/// load_parameters reads it with ignore_extra. Throws data_error with the system's reason.
template <class T>
void save_checkpoint(const std::filesystem::path& file, const TrainingState<T>& state,
                     const TrainingSettings& settings);

/// Reads a state for a training with these parameters and settings. Throws data_error naming the file where it is
/// missing, corrupt (its checksum says so) or no checkpoint; option_error listing the settings that differ;
/// parameter_error for parameters of another network.
template <class T>
TrainingState<T> load_checkpoint(const std::filesystem::path& file, Parameters<T> params,
                                 const TrainingSettings& settings);

}  // namespace xtangent::nn
