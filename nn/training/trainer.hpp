#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/tape.hpp"
#include "nn/training/fit.hpp"
#include "nn/training/metrics.hpp"

/// The implementation of `fit`: the loop over epochs, batches and shards.
namespace xtangent::nn {

/// Counts seconds from its construction.
class Clock {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What is learned: a loss and, with labels, a function that counts correct outputs.
template <class T>
struct Task {
  BatchLoss<T> loss;
  std::function<std::size_t(const Array<T>& output, const std::vector<std::size_t>& examples)> correct = {};
};

/// The source of batches: rows(examples, epoch) are these examples as that epoch sees them, or without random changes
/// for epoch 0.
template <class T>
struct Inputs {
  std::size_t count = 0;
  std::function<Array<T>(const std::vector<std::size_t>& examples, std::size_t epoch)> rows;
  std::string changes = "none";  // the random changes, as a checkpoint names them

  /// The first n examples, without random changes.
  Array<T> first(std::size_t n) const;
};

/// A part of a batch with its own tape and its results.
template <class T>
struct Shard {
  Tape<T> tape;
  std::vector<std::size_t> examples;
  std::vector<Var<T>> gradients;
  Array<T> buffers;  // as they are after the run
  std::uint64_t seed = 0;
  double weight = 0.0, loss = 0.0;  // weight: its fraction of the batch
  std::size_t correct = 0;
};

/// See automatic_shard. Determined from a run on examples x, some of the `all` examples.
template <class T>
std::size_t shard_for(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, std::size_t all);

/// One training, from its parameters or a checkpoint to the end.
template <class T>
class Trainer {
 public:
  Trainer(const ModuleBase& net, Parameters<T> params, Inputs<T> inputs, Task<T> task, FitOptions<T> options);
  Fit<T> run();

 private:
  void check_frozen();
  TrainingSettings settings() const;
  void resume_or_begin();
  void save();
  bool run_epoch();  // returns false when it was stopped
  void save_unfinished();
  void evaluate(Epoch& epoch) const;
  Array<T> test_outputs() const;
  void run_batch(std::span<const std::size_t> examples);
  void run_shard(Shard<T>& shard);
  double update();  // returns the norm of the gradient, NaN without clipping
  void update_buffers();
  void report(bool always);
  [[noreturn]] void fail(const Shard<T>& shard) const;
  [[noreturn]] void fail(const std::vector<Var<T>>& gradients) const;
  std::size_t batch_number() const { return state_.done / options_.batch + 1; }
  std::size_t seen() const { return (state_.epoch - 1) * examples_ + state_.done; }
  double work() const { return static_cast<double>(options_.epochs) * static_cast<double>(examples_); }

  const ModuleBase& net_;
  Inputs<T> inputs_;
  Task<T> task_;
  FitOptions<T> options_;
  Optimizer<T> optimizer_;
  double rate_;
  std::size_t examples_;
  TrainingState<T> state_;  // except for its optimizer's part, which is in optimizer_
  TrainingSettings settings_;
  MetricsFile metrics_;
  std::vector<bool> trained_;  // for each parameter array
  std::vector<Shard<T>> shards_;
  std::size_t shards_used_ = 0;
  std::size_t begun_ = 0;  // examples seen before this part of the training
  double reported_ = 0.0, saved_ = 0.0, epoch_begun_ = 0.0;
  Clock clock_;
};

extern template struct Inputs<float>;
extern template struct Inputs<double>;
extern template class Trainer<float>;
extern template class Trainer<double>;

}  // namespace xtangent::nn
