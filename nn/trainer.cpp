#include "nn/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/random.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/loss.hpp"

namespace xtangent::nn {
namespace {

class Clock {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// What is learned: a loss, and with labels a count of correct outputs.
template <class T>
struct Task {
  BatchLoss<T> loss;
  std::function<std::size_t(const Array<T>& output, const std::vector<std::size_t>& examples)> correct = {};
};

// A part of a batch with its own tape, and what it computed.
template <class T>
struct Shard {
  Tape<T> tape;
  std::vector<std::size_t> examples;
  std::vector<Var<T>> gradients;
  Array<T> buffers;  // as the run left them
  double weight = 0.0, loss = 0.0;
  std::size_t correct = 0;
};

template <class T>
Array<T> rows_of(const Array<T>& x, const std::vector<std::size_t>& examples) {
  Shape shape = x.shape();
  const std::size_t each = shape.slice(1, shape.rank()).size();
  shape[0] = examples.size();
  Array<T> out(shape);
  kernels::gather(1, x.shape().front(), each, examples, x.data(), out.mutable_data());
  return out;
}

// Where batches come from: some examples as epoch `epoch` sees them, or as they are (0).
template <class T>
struct Inputs {
  std::size_t count = 0;
  std::function<Array<T>(const std::vector<std::size_t>& examples, std::size_t epoch)> rows;

  Array<T> first(std::size_t n) const {
    std::vector<std::size_t> examples(std::min(n, count));
    std::iota(examples.begin(), examples.end(), std::size_t{0});
    return rows(examples, 0);
  }
};

template <class T>
Inputs<T> inputs_of(const Array<T>& x) {
  return {x.shape().front(), [&x](const auto& examples, std::size_t) { return rows_of(x, examples); }};
}

// The shard for a network, from a run on one or two examples.
template <class T>
std::size_t shard_for(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, std::size_t all) {
  Tape<T> tape;
  net.record(tape, params, x, Mode::training);
  double flop = 0.0;
  for (const Node<T>& node : tape.record()->nodes) {
    if (!node.op) continue;
    if (node.value.examples() == Examples::mixed) return all;
    std::vector<Shape> shapes;
    for (const auto& argument : node.arguments) shapes.push_back(argument.constant.shape());
    flop += node.op->flop(shapes, node.value.shape());
  }
  // Adding gradients costs about as much as 400 operations a parameter, starting a shard's tasks as 2 million; backward
  // twice as much as forward.
  const double needed = std::max(400.0 * static_cast<double>(params.size()), 2e6) *
                        static_cast<double>(x.shape().front()) / std::max(flop, 1.0);
  std::size_t shard = 8;
  while (static_cast<double>(shard) < needed && shard < (std::size_t{1} << 20)) shard *= 2;
  return shard;
}

template <class T>
class Trainer {
 public:
  Trainer(const ModuleBase& net, Parameters<T> params, Inputs<T> inputs, Task<T> task, FitOptions<T> options);
  Fit<T> run();

 private:
  Epoch run_epoch(std::size_t number);
  double run_batch(std::size_t epoch, std::size_t batch, std::span<const std::size_t> examples);
  void run_shard(Shard<T>& shard, std::size_t epoch, std::uint64_t seed, double weight);
  void update();
  void update_buffers();
  void report(std::size_t epoch, double loss, bool always);
  [[noreturn]] void fail(std::size_t epoch, std::size_t batch, const Shard<T>& shard) const;

  const ModuleBase& net_;
  Parameters<T> params_;
  Inputs<T> inputs_;
  Task<T> task_;
  FitOptions<T> options_;
  Optimizer<T> optimizer_;
  double rate_;
  std::size_t examples_;
  std::vector<Shard<T>> shards_;
  std::size_t shards_used_ = 0, seen_ = 0, correct_ = 0;
  double reported_ = 0.0;
  Clock clock_;
};

template <class T>
Trainer<T>::Trainer(const ModuleBase& net, Parameters<T> params, Inputs<T> inputs, Task<T> task, FitOptions<T> options)
    : net_(net),
      params_(std::move(params)),
      inputs_(std::move(inputs)),
      task_(std::move(task)),
      options_(std::move(options)),
      optimizer_(options_.optimizer),
      rate_(optimizer_.rate()),
      examples_(inputs_.count) {
  if (options_.batch == 0) throw option_error("[fit] a batch of 0 examples.");
  if (options_.shard == 0) options_.shard = shard_for(net, params_, inputs_.first(2), examples_);
  options_.batch = std::min(options_.batch, examples_);
  shards_.resize((options_.batch + options_.shard - 1) / options_.shard);
}

template <class T>
Fit<T> Trainer<T>::run() {
  std::vector<Epoch> history;
  for (std::size_t e = 1; e <= options_.epochs; ++e) {
    history.push_back(run_epoch(e));
    if (options_.on_epoch && !options_.on_epoch(history.back(), params_)) break;
  }
  return {std::move(params_), std::move(history)};
}

template <class T>
Epoch Trainer<T>::run_epoch(std::size_t number) {
  const Clock clock;
  const std::vector<std::size_t> order = kernels::permutation(options_.seed, number, examples_);
  double loss = 0.0;
  correct_ = 0;
  std::size_t done = 0;
  for (std::size_t batch = 1; done < examples_; ++batch) {
    const std::size_t count = std::min(options_.batch, examples_ - done);
    loss += run_batch(number, batch, std::span(order).subspan(done, count)) * static_cast<double>(count);
    done += count;
    seen_ += count;
    report(number, loss / static_cast<double>(done), false);
  }
  if (!all_finite(params_.flat()))
    throw numerical_error("[fit] after epoch " + std::to_string(number) + ", " +
                          first_not_finite(net_, params_, inputs_.first(1)) +
                          " is not finite. A lower learning rate may help.");
  Epoch out;
  out.number = number;
  out.loss = loss / static_cast<double>(examples_);
  if (task_.correct) out.accuracy = static_cast<double>(correct_) / static_cast<double>(examples_);
  if (options_.test_x.defined() || options_.test_data) {
    const Array<T> outputs =
        options_.test_data ? predict(net_, params_, *options_.test_data) : predict(net_, params_, options_.test_x);
    out.test_loss = static_cast<double>(cross_entropy(Var<T>(outputs), options_.test_labels).value().item());
    out.test_accuracy = accuracy(outputs, options_.test_labels);
  }
  out.seconds = clock.seconds();
  report(number, out.loss, true);
  return out;
}

template <class T>
double Trainer<T>::run_batch(std::size_t epoch, std::size_t batch, std::span<const std::size_t> examples) {
  shards_used_ = (examples.size() + options_.shard - 1) / options_.shard;
  kernels::parallel_for(shards_used_, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t s = first; s < last; ++s) {
      const auto part =
          examples.subspan(s * options_.shard).first(std::min(options_.shard, examples.size() - s * options_.shard));
      shards_[s].examples.assign(part.begin(), part.end());
      run_shard(shards_[s], epoch, kernels::philox(options_.seed, optimizer_.steps(), s)[0],
                static_cast<double>(part.size()) / static_cast<double>(examples.size()));
    }
  });
  double loss = 0.0;
  for (std::size_t s = 0; s < shards_used_; ++s) {
    if (!std::isfinite(shards_[s].loss)) fail(epoch, batch, shards_[s]);
    loss += shards_[s].loss;
    correct_ += shards_[s].correct;
  }
  update();
  return loss;
}

// The shard's part of the batch's mean loss, and its gradients. The tape is rewound: nothing of it holds the
// parameters.
template <class T>
void Trainer<T>::run_shard(Shard<T>& shard, std::size_t epoch, std::uint64_t seed, double weight) {
  {
    const Recording<T> recording =
        net_.record(shard.tape, params_, inputs_.rows(shard.examples, epoch), {Mode::training, seed});
    const Var<T> loss = task_.loss(recording.output, shard.examples);
    if (loss.size() != 1)
      throw shape_error("[fit] the loss has shape " + to_string(loss.shape()) +
                        ". It must be a mean over the examples.");
    shard.loss = weight * static_cast<double>(loss.value().item());
    if (task_.correct) shard.correct = task_.correct(recording.output.value(), shard.examples);
    shard.buffers = recording.buffers;
    shard.weight = weight;
    shard.gradients = pullback<T>(loss, Array<T>::full(loss.shape(), static_cast<T>(weight)), recording.parameters);
  }
  shard.tape.rewind(0);
}

template <class T>
void Trainer<T>::update() {
  std::vector<Var<T>> total = std::move(shards_[0].gradients);
  for (std::size_t s = 1; s < shards_used_; ++s) {
    for (std::size_t i = 0; i < total.size(); ++i)
      if (shards_[s].gradients[i].defined()) accumulate(total[i], shards_[s].gradients[i]);
    shards_[s].gradients.clear();
  }
  update_buffers();
  if (options_.schedule) {
    const double work = static_cast<double>(options_.epochs) * static_cast<double>(examples_);
    optimizer_.set_rate(rate_ * options_.schedule(static_cast<double>(seen_) / work));
  }
  optimizer_.step(params_, total);
}

// The mean change over the shards.
template <class T>
void Trainer<T>::update_buffers() {
  const Array<T> before = params_.buffers();
  if (before.size() == 0) return;
  if (shards_used_ == 1) return params_.set_buffers(std::exchange(shards_[0].buffers, Array<T>()));
  Var<T> total(before);
  for (std::size_t s = 0; s < shards_used_; ++s)
    total = total + (Var<T>(std::exchange(shards_[s].buffers, Array<T>())) - Var<T>(before)) * shards_[s].weight;
  params_.set_buffers(total.value());
}

template <class T>
void Trainer<T>::report(std::size_t epoch, double loss, bool always) {
  const double now = clock_.seconds();
  if (!options_.progress || (!always && now - reported_ < 0.05)) return;
  reported_ = now;
  const double work = static_cast<double>(options_.epochs) * static_cast<double>(examples_);
  const double fraction = static_cast<double>(seen_) / work;
  options_.progress({.epoch = epoch,
                     .epochs = options_.epochs,
                     .fraction = fraction,
                     .examples_per_second = static_cast<double>(seen_) / std::max(now, 1e-9),
                     .seconds_left = now / fraction * (1.0 - fraction),
                     .loss = loss});
}

template <class T>
void Trainer<T>::fail(std::size_t epoch, std::size_t batch, const Shard<T>& shard) const {
  const std::string where = first_not_finite(net_, params_, inputs_.rows(shard.examples, epoch), Mode::training);
  throw numerical_error(
      "[fit] the loss is " + std::to_string(shard.loss) + " in epoch " + std::to_string(epoch) + ", batch " +
      std::to_string(batch) + ". " +
      (where.empty() ? "The network's output is finite, the loss is not." : "Not finite first: " + where + ".") +
      " A lower learning rate or scaled inputs may help.");
}

// What fit can refuse before it starts. Returns the output for one example.
template <class T>
Array<T> check_inputs(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, std::size_t answers) {
  if (!x.defined() || x.rank() == 0) throw shape_error("[fit] the inputs have no axis that runs over examples.");
  const std::size_t n = x.shape().front();
  if (n == 0) throw data_error("[fit] no examples.");
  if (answers != n)
    throw shape_error("[fit] " + std::to_string(n) + " examples, " + std::to_string(answers) + " labels or targets.");
  const Array<T> one = net(params, x.rows(0, 1));
  if (all_finite(x)) return one;
  for (std::size_t i = 0; i < n; ++i)
    if (!all_finite(x.rows(i, i + 1)))
      throw numerical_error("[fit] example " + std::to_string(i) + " of the inputs has an entry that is not finite.");
  return one;
}

void check_labels(const char* what, const std::vector<std::size_t>& labels, std::size_t classes) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= classes)
      throw data_error(std::string("[fit] ") + what + " label " + std::to_string(labels[i]) + " of example " +
                       std::to_string(i) + ", the network has " + std::to_string(classes) + " outputs.");
}

// Cross-entropy with labels, which must outlive the task.
template <class T>
Task<T> labeled_task(const std::vector<std::size_t>& labels) {
  const auto of = [&labels](const std::vector<std::size_t>& examples) {
    std::vector<std::size_t> out;
    out.reserve(examples.size());
    for (std::size_t i : examples) out.push_back(labels[i]);
    return out;
  };
  Task<T> task;
  task.loss = [of](const Var<T>& output, const auto& examples) { return cross_entropy(output, of(examples)); };
  task.correct = [of](const Array<T>& output, const auto& examples) { return count_correct(output, of(examples)); };
  return task;
}

// Checks labels against the network's output for one example. Labels of test data go to test_labels.
template <class T>
void check_labeled(const Array<T>& one, const std::vector<std::size_t>& labels, FitOptions<T>& options) {
  if (one.rank() != 2)
    throw shape_error("[fit] the network gives " + to_string(one.shape()) +
                      " for one example. Labels need (1, classes).");
  check_labels("training", labels, one.shape()[1]);
  if (!options.test_x.defined() && !options.test_data) return;
  if (options.test_x.defined() && options.test_data) throw option_error("[fit] test data in two forms. Give one.");
  if (options.test_data) options.test_labels = options.test_data->labels();
  const std::size_t tests = options.test_data           ? options.test_data->count()
                            : options.test_x.rank() > 0 ? options.test_x.shape().front()
                                                        : 0;
  if (tests == 0 || tests != options.test_labels.size())
    throw shape_error("[fit] " + std::to_string(tests) + " test examples, " +
                      std::to_string(options.test_labels.size()) + " test labels.");
  check_labels("test", options.test_labels, one.shape()[1]);
}

}  // namespace

template <class T>
std::size_t automatic_shard(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x) {
  return shard_for(net, params, x.rows(0, std::min<std::size_t>(2, x.shape().front())), x.shape().front());
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Array<T>& x, const std::vector<std::size_t>& labels,
           FitOptions<T> options) {
  const Array<T> one = check_inputs(net, params, x, labels.size());
  check_labeled(one, labels, options);
  return Trainer<T>(net, std::move(params), inputs_of(x), labeled_task<T>(labels), std::move(options)).run();
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Dataset& data, FitOptions<T> options) {
  if (data.count() == 0) throw data_error("[fit] no examples.");
  const std::vector<std::size_t> labels = data.labels();
  check_labeled(net(params, data.batch<T>({0})), labels, options);
  const auto rows = [&data, seed = options.seed](const auto& examples, std::size_t epoch) {
    return epoch ? data.augmented_batch<T>(examples, {seed, stream_of("augmentation") + epoch})
                 : data.batch<T>(examples);
  };
  return Trainer<T>(net, std::move(params), {data.count(), rows}, labeled_task<T>(labels), std::move(options)).run();
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Array<T>& x,
           const std::type_identity_t<BatchLoss<T>>& loss, FitOptions<T> options) {
  check_inputs(net, params, x, x.defined() && x.rank() ? x.shape().front() : 0);
  if (options.test_x.defined() || options.test_data)
    throw option_error("[fit] test data need labels. Evaluate them in on_epoch.");
  return Trainer<T>(net, std::move(params), inputs_of(x), Task<T>{loss}, std::move(options)).run();
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Array<T>& x, const Array<T>& targets,
           FitOptions<T> options) {
  const Array<T> one = check_inputs(net, params, x, targets.rank() ? targets.shape().front() : 0);
  if (!(one.shape().slice(1, one.rank()) == targets.shape().slice(1, targets.rank())))
    throw shape_error("[fit] targets " + to_string(targets.shape()) + ", the network gives " + to_string(one.shape()) +
                      " for one example.");
  return fit<T>(
      net, std::move(params), x,
      [&targets](const Var<T>& output, const std::vector<std::size_t>& examples) {
        return mean_squared_error(output, Var<T>(rows_of(targets, examples)));
      },
      std::move(options));
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template std::size_t automatic_shard(const ModuleBase&, const Parameters<T>&, const Array<T>&);                   \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Array<T>&, const std::vector<std::size_t>&,           \
                      FitOptions<T>);                                                                               \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Dataset&, FitOptions<T>);                             \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Array<T>&, const Array<T>&, FitOptions<T>);           \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Array<T>&, const std::type_identity_t<BatchLoss<T>>&, \
                      FitOptions<T>);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
