#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <type_traits>
#include <vector>

#include "nn/data/dataset.hpp"
#include "nn/module.hpp"
#include "nn/training/checkpoint.hpp"
#include "nn/training/epoch.hpp"
#include "nn/training/evaluate.hpp"
#include "nn/training/metrics.hpp"
#include "nn/training/optimizer.hpp"
#include "nn/training/schedule.hpp"

/// Training by shuffled batches.
namespace xtangent::nn {

/// The argument of a progress callback, which is called up to about twenty times a second and at the end of each epoch.
struct Progress {
  std::size_t epoch = 1, epochs = 1;
  double fraction = 0.0;  ///< fraction of all the work that is done
  double examples_per_second = 0.0;
  double seconds_left = 0.0;
  double loss = 0.0;                                           ///< mean over the epoch so far
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< over the epoch so far; NaN without labels
};

/// When an option is misspelt in braces, compilers say that the braces do not convert to FitOptions. With
/// FitOptions<float> in front of the braces they name the option.
template <class T>
struct FitOptions {
  std::size_t epochs = 10;
  std::size_t batch = 64;  ///< examples in an update; the last update of an epoch may have fewer
  OptimizerSettings optimizer = adam();
  Schedule schedule = {};  ///< factor of the learning rate, see schedule.hpp; none: constant
  double clip_norm = 0.0;  ///< all gradients are scaled down so that their common norm is at most this; 0: never
  /// Names of parameters ("conv1.weight") or layers ("layer1") that are not trained. Buffers of such layers are still
  /// updated.
  std::vector<std::string> frozen = {};
  std::uint64_t seed = 0;  ///< seed of the order of the examples, and of random numbers in layers
  /// A batch is cut into shards of this many examples, which run in parallel. Their gradients are added in order, so
  /// results do not depend on the number of threads. 0: chosen from the sizes of the network.
  std::size_t shard = 0;
  Array<T> test_x = {};  ///< with `test_labels`, test data that are evaluated after each epoch
  std::vector<std::size_t> test_labels = {};
  std::optional<Dataset> test_data = {};  ///< test data instead of test_x and test_labels
  CheckpointOptions checkpoint = {};
  MetricsOptions metrics = {};
  std::function<void(const Progress&)> progress = {};
  /// Asked after each update and, by several threads, while test data are evaluated. Once it returns true, the
  /// checkpoint is written, and `fit` returns what it has reached.
  std::function<bool()> stop = {};
  /// Called after each epoch; returning false ends the training.
  std::function<bool(const Epoch&, const Parameters<T>&)> on_epoch = {};
};

template <class T>
struct Fit {
  Parameters<T> params;
  std::vector<Epoch> history;
};

/// The mean loss of some examples, a scalar, from the output of the network for them and their indices into x.
template <class T>
using BatchLoss = std::function<Var<T>(const Var<T>& output, const std::vector<std::size_t>& examples)>;

/// Trains on x (N, ...), an Array or an xtensor expression, by cross-entropy with N labels, starting from `params` or
/// from a checkpoint. The result depends on the seeds, but neither on the number of threads nor on interruptions.
/// Throws data_error for no examples or a label out of range, shape_error, option_error, parameter_error, what
/// load_checkpoint throws, data_error when the checkpoint or the metrics cannot be written, and numerical_error naming
/// epoch, batch and the first layer at fault when the loss or a parameter is not finite.
template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const std::type_identity_t<Array<T>>& x,
           const std::vector<std::size_t>& labels, FitOptions<T> options = {});

/// Trains on images that stay bytes until their batch is made. If the data set has random changes, they differ in each
/// epoch. Throws as above.
template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Dataset& data, FitOptions<T> options = {});

/// Trains by mean squared error with targets of the shape of the output. Throws as above.
template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const std::type_identity_t<Array<T>>& x,
           const std::type_identity_t<Array<T>>& targets, FitOptions<T> options = {});

/// Trains by any loss.
template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Array<T>& x,
           const std::type_identity_t<BatchLoss<T>>& loss, FitOptions<T> options = {});

/// The number of examples of a shard that `fit` chooses: large enough that adding up gradients and starting tasks cost
/// little beside the products. It is the whole batch where a layer mixes examples in training mode, so that batch norm
/// sees the whole batch as in PyTorch. With a shard set by the user it sees the shard.
template <class T>
std::size_t automatic_shard(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x);

}  // namespace xtangent::nn
