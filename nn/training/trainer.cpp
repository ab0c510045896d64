#include "nn/training/trainer.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "autodiff/kernels/random.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/loss.hpp"
#include "nn/data/file.hpp"
#include "nn/shards.hpp"

namespace xtangent::nn {
namespace {

// The shortest text that is read back as the same number.
std::string exact(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string described(const OptimizerSettings& settings) {
  if (const auto* o = std::get_if<SgdOptions>(&settings))
    return "sgd(rate " + exact(o->rate) + ", momentum " + exact(o->momentum) + (o->nesterov ? " (Nesterov)" : "") +
           ", weight_decay " + exact(o->weight_decay) + ")";
  const auto& o = std::get<AdamOptions>(settings);
  return std::string(o.decoupled ? "adamw" : "adam") + "(rate " + exact(o.rate) + ", beta1 " + exact(o.beta1) +
         ", beta2 " + exact(o.beta2) + ", epsilon " + exact(o.epsilon) + ", weight_decay " + exact(o.weight_decay) +
         ")";
}

// A schedule as text: a function can only be compared by its values at some points.
std::string described(const Schedule& schedule) {
  if (!schedule) return "none";
  std::string out;
  for (double at : {0.0, 0.01, 0.03, 0.1, 0.25, 0.4, 0.6, 0.8, 0.95}) out.append(exact(schedule(at))).append(" ");
  out.pop_back();
  return out;
}

// A checksum of parameters and buffers.
template <class T>
std::string checksum_of(const Parameters<T>& params) {
  uLong sum = 0;
  for (const Array<T>& part : {params.flat(), params.buffers()})
    sum = crc32_z(sum, reinterpret_cast<const Bytef*>(part.data()), part.bytes());
  return std::to_string(sum);
}

struct Stop {};  // thrown where options.stop ends an evaluation

bool lies_under(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || prefix.empty() || name[prefix.size()] == '.');
}

}  // namespace

template <class T>
Array<T> Inputs<T>::first(std::size_t n) const {
  std::vector<std::size_t> examples(std::min(n, count));
  std::iota(examples.begin(), examples.end(), std::size_t{0});
  return rows(examples, 0);
}

template <class T>
std::size_t shard_for(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, std::size_t all) {
  Tape<T> tape;
  net.record(tape, params, x, Mode::training);
  double flop = 0.0;
  for (const Node<T>& node : tape.record()->nodes) {
    if (!node.op) continue;
    if (node.value.examples() == Examples::mixed && !node.moved) return all;
    std::vector<Shape> shapes;
    for (const auto& argument : node.arguments) shapes.push_back(argument.value.shape());
    flop += node.op->flop(shapes, node.value.shape());
  }
  // Adding gradients costs about as much as 400 operations for each parameter, and starting the tasks of a shard as
  // much as 2 million. Backward costs twice as much as forward.
  const double needed = std::max(400.0 * static_cast<double>(params.size()), 2e6) *
                        static_cast<double>(x.shape().front()) / std::max(flop, 1.0);
  std::size_t shard = 8;
  while (static_cast<double>(shard) < needed && shard < (std::size_t{1} << 20)) shard *= 2;
  return shard;
}

template <class T>
Trainer<T>::Trainer(const ModuleBase& net, Parameters<T> params, Inputs<T> inputs, Task<T> task, FitOptions<T> options)
    : net_(net),
      inputs_(std::move(inputs)),
      task_(std::move(task)),
      options_(std::move(options)),
      optimizer_(options_.optimizer),
      rate_(optimizer_.rate()),
      examples_(inputs_.count) {
  if (options_.batch == 0) throw option_error("[fit] a batch of 0 examples. It must be at least 1.");
  if (!(options_.clip_norm >= 0.0))
    throw option_error("[fit] clip_norm is " + std::to_string(options_.clip_norm) +
                       ". It must be positive, or 0 for no clipping.");
  state_.params = std::move(params);
  check_frozen();
  if (options_.shard == 0) options_.shard = shard_for(net, state_.params, inputs_.first(2), examples_);
  options_.batch = std::min(options_.batch, examples_);
  shards_.resize(Shards{options_.batch, options_.shard}.count());
  resume_or_begin();
}

template <class T>
void Trainer<T>::check_frozen() {
  const auto& infos = state_.params.infos();
  trained_.assign(infos.size(), true);
  for (const std::string& prefix : options_.frozen) {
    bool found = false;
    for (std::size_t i = 0; i < infos.size(); ++i)
      if (lies_under(infos[i].name, prefix)) trained_[i] = false, found = true;
    if (found) continue;
    std::vector<std::string> names;
    for (const ParameterInfo& info : infos) names.push_back(info.name);
    throw parameter_error("[fit] frozen: no parameter or layer has the name " + near_names(prefix, names));
  }
  if (std::find(trained_.begin(), trained_.end(), true) == trained_.end())
    throw option_error("[fit] all parameters are frozen.");
}

// The settings on which the bits of a training depend, apart from the network, the loss and the data themselves.
template <class T>
TrainingSettings Trainer<T>::settings() const {
  const Array<T> one = inputs_.first(1);
  std::string frozen;
  for (std::size_t i = 0; i < trained_.size(); ++i)
    if (!trained_[i]) frozen += (frozen.empty() ? "" : " ") + state_.params.infos()[i].name;
  TrainingSettings out = {
      {"precision", sizeof(T) == 4 ? "float" : "double"},
      {"checksum of the initial parameters", checksum_of(state_.params)},
      {"examples", std::to_string(examples_)},
      {"first example", std::to_string(crc32_z(0, reinterpret_cast<const Bytef*>(one.data()), one.bytes()))},
      {"augmentation", inputs_.changes},
      {"batch", std::to_string(options_.batch)},
      {"shard", std::to_string(options_.shard)},
      {"seed", std::to_string(options_.seed)},
      {"optimizer", described(options_.optimizer)},
      {"clip_norm", exact(options_.clip_norm)},
      {"frozen", frozen.empty() ? "nothing" : frozen},
      {"schedule", described(options_.schedule)}};
  if (options_.schedule) out.emplace_back("epochs", std::to_string(options_.epochs));
  return out;
}

template <class T>
void Trainer<T>::resume_or_begin() {
  const CheckpointOptions& checkpoint = options_.checkpoint;
  if (checkpoint.resume && checkpoint.file.empty())
    throw option_error("[fit] resume without a file. Name one in checkpoint.file.");
  std::error_code code;
  if (!options_.metrics.file.empty()) require_writable_file(options_.metrics.file);
  if (!checkpoint.file.empty()) {
    settings_ = settings();
    // A new checkpoint is whole before the one before it goes, which may be smaller than those of this training.
    const double bytes = checkpoint_bytes(state_.params, optimizer_, options_.epochs);
    const auto before = std::filesystem::file_size(checkpoint.file, code);
    require_writable_file(checkpoint.file, bytes, code ? bytes : std::max(0.0, bytes - static_cast<double>(before)));
  }
  if (!checkpoint.resume || !std::filesystem::exists(checkpoint.file, code)) {
    metrics_ = MetricsFile(options_.metrics.file);
    return;
  }
  state_ = load_checkpoint(checkpoint.file, std::move(state_.params), settings_);
  optimizer_.set_state(std::exchange(state_.optimizer, {}));
  metrics_ = MetricsFile(options_.metrics.file, state_.epoch, optimizer_.steps());
  begun_ = seen();
}

template <class T>
void Trainer<T>::save() {
  if (options_.checkpoint.file.empty()) return;
  state_.optimizer = optimizer_.state();
  save_checkpoint(options_.checkpoint.file, state_, settings_);
  state_.optimizer = {};  // so that the next update need not copy it
  saved_ = clock_.seconds();
}

template <class T>
Fit<T> Trainer<T>::run() {
  while (state_.epoch <= options_.epochs) {
    if (!run_epoch()) break;
    if (options_.on_epoch && !options_.on_epoch(state_.history.back(), state_.params)) break;
  }
  return {std::move(state_.params), std::move(state_.history)};
}

// Trains from the present state to the end of the epoch.
template <class T>
bool Trainer<T>::run_epoch() {
  epoch_begun_ = clock_.seconds() - state_.seconds;
  const std::vector<std::size_t> order = kernels::permutation(options_.seed, state_.epoch, examples_);
  while (state_.done < examples_) {
    const std::size_t count = std::min(options_.batch, examples_ - state_.done);
    run_batch(std::span(order).subspan(state_.done, count));
    report(false);
    const CheckpointOptions& c = options_.checkpoint;
    const bool due = (c.steps && optimizer_.steps() % c.steps == 0) || clock_.seconds() - saved_ > c.seconds;
    const bool stop = options_.stop && options_.stop();
    if (stop || (state_.done < examples_ && due)) save_unfinished();
    if (stop) return false;
  }
  if (!all_finite(state_.params.flat()))
    throw numerical_error("[fit] after epoch " + std::to_string(state_.epoch) + ", " +
                          first_not_finite(net_, state_.params, inputs_.first(1)) +
                          " is not finite. A lower learning rate may help.");
  Epoch out;
  out.number = state_.epoch;
  try {
    evaluate(out);
  } catch (const Stop&) {
    save_unfinished();
    return false;
  }
  out.seconds = clock_.seconds() - epoch_begun_;
  report(true);
  state_.history.push_back(out);
  metrics_.write(out, optimizer_.steps());
  ++state_.epoch;
  state_.done = state_.correct = 0;
  state_.loss = state_.seconds = 0.0;
  save();
  return true;
}

// Writes a checkpoint within an epoch. After the last update of the epoch, that is one which begins by evaluating.
template <class T>
void Trainer<T>::save_unfinished() {
  state_.seconds = clock_.seconds() - epoch_begun_;
  save();
}

// The outputs for the test data. Throws Stop if the training is to stop.
template <class T>
Array<T> Trainer<T>::test_outputs() const {
  const auto check = [&] {
    if (options_.stop && options_.stop()) throw Stop();
  };
  return predict_rows<T>(net_, state_.params, options_.test_labels.size(), [&](std::size_t first, std::size_t last) {
    check();
    if (!options_.test_data) return options_.test_x.rows(first, last);
    std::vector<std::size_t> examples(last - first);
    std::iota(examples.begin(), examples.end(), first);
    return options_.test_data->template batch<T>(examples);
  });
}

template <class T>
void Trainer<T>::evaluate(Epoch& out) const {
  out.loss = state_.loss / static_cast<double>(examples_);
  if (task_.correct) out.accuracy = static_cast<double>(state_.correct) / static_cast<double>(examples_);
  if (!options_.test_x.defined() && !options_.test_data) return;
  const Array<T> outputs = test_outputs();
  out.test_loss = static_cast<double>(cross_entropy(Var<T>(outputs), options_.test_labels).value().item());
  out.test_accuracy = accuracy(outputs, options_.test_labels);
}

template <class T>
void Trainer<T>::run_batch(std::span<const std::size_t> examples) {
  const Shards cut{examples.size(), options_.shard};
  shards_used_ = cut.count();
  for_each_shard(cut, [&](std::size_t s) {
    const auto part = examples.subspan(cut[s].first, cut[s].size());
    shards_[s].examples.assign(part.begin(), part.end());
    shards_[s].seed = kernels::philox(options_.seed, optimizer_.steps(), s)[0];
    shards_[s].weight = static_cast<double>(part.size()) / static_cast<double>(examples.size());
    run_shard(shards_[s]);
  });
  const auto count = static_cast<double>(examples.size());
  double loss = 0.0;
  std::size_t correct = 0;
  for (std::size_t s = 0; s < shards_used_; ++s) {
    if (!std::isfinite(shards_[s].loss)) fail(shards_[s]);
    loss += shards_[s].loss;
    correct += shards_[s].correct;
  }
  const double norm = update();
  state_.loss += loss * count;
  state_.correct += correct;
  state_.done += examples.size();
  if (options_.metrics.steps == 0 || optimizer_.steps() % options_.metrics.steps != 0) return;
  StepMetrics line{state_.epoch, optimizer_.steps(), loss};
  if (task_.correct) line.accuracy = static_cast<double>(correct) / count;
  line.rate = optimizer_.rate();
  line.gradient_norm = norm;
  metrics_.write(line);
}

// Computes the part of the shard in the mean loss of the batch, and its gradients. Then rewinds the tape, so that it
// does not share the parameters.
template <class T>
void Trainer<T>::run_shard(Shard<T>& shard) {
  {
    const Recording<T> recording = net_.record(shard.tape, state_.params, inputs_.rows(shard.examples, state_.epoch),
                                               {Mode::training, shard.seed});
    const Var<T> loss = task_.loss(recording.output, shard.examples);
    if (loss.size() != 1)
      throw shape_error("[fit] the loss has shape " + to_string(loss.shape()) +
                        ". It must be a mean over the examples.");
    shard.loss = shard.weight * static_cast<double>(loss.value().item());
    if (task_.correct) shard.correct = task_.correct(recording.output.value(), shard.examples);
    shard.buffers = recording.buffers;
    std::vector<Var<T>> wanted;
    for (std::size_t i = 0; i < trained_.size(); ++i)
      if (trained_[i]) wanted.push_back(recording.parameters[i]);
    const std::vector<Var<T>> found =
        pullback<T>(loss, Array<T>::full(loss.shape(), static_cast<T>(shard.weight)), wanted);
    shard.gradients.assign(trained_.size(), Var<T>());
    for (std::size_t i = 0, k = 0; i < trained_.size(); ++i)
      if (trained_[i]) shard.gradients[i] = found[k++];
  }
  shard.tape.rewind(0);
}

template <class T>
double Trainer<T>::update() {
  std::vector<Var<T>> total = std::move(shards_[0].gradients);
  for (std::size_t s = 1; s < shards_used_; ++s) {
    for (std::size_t i = 0; i < total.size(); ++i)
      if (shards_[s].gradients[i].defined()) accumulate(total[i], shards_[s].gradients[i]);
    shards_[s].gradients.clear();
  }
  double norm = std::numeric_limits<double>::quiet_NaN();
  if (options_.clip_norm > 0.0) {
    if (!std::isfinite(global_norm<T>(total))) fail(total);
    norm = clip_by_norm<T>(total, options_.clip_norm);
  }
  update_buffers();
  if (options_.schedule) optimizer_.set_rate(rate_ * options_.schedule(static_cast<double>(seen()) / work()));
  optimizer_.step(state_.params, total);
  return norm;
}

// Changes the buffers by the mean of the changes of the shards. Changes are multiplied by the whole numbers of examples
// and divided once, so that a counter, which every shard changes by 1, stays a whole number.
template <class T>
void Trainer<T>::update_buffers() {
  const Array<T> before = state_.params.buffers();
  if (before.size() == 0) return;
  if (shards_used_ == 1) return state_.params.set_buffers(std::exchange(shards_[0].buffers, Array<T>()));
  const Var<T> start(before);
  Var<T> changes(Array<T>::zeros(before.shape())), count(Array<T>::scalar(0));
  for (std::size_t s = 0; s < shards_used_; ++s) {
    const auto examples = static_cast<double>(shards_[s].examples.size());
    changes = changes + (Var<T>(std::exchange(shards_[s].buffers, Array<T>())) - start) * examples;
    count = count + examples;
  }
  state_.params.set_buffers((start + changes / count).value());
}

template <class T>
void Trainer<T>::report(bool always) {
  const double now = clock_.seconds();
  if (!options_.progress || (!always && now - reported_ < 0.05)) return;
  reported_ = now;
  const double fraction = static_cast<double>(seen()) / work(), done = static_cast<double>(state_.done);
  const double fresh = static_cast<double>(seen() - begun_);
  Progress out{.epoch = state_.epoch,
               .epochs = options_.epochs,
               .fraction = fraction,
               .examples_per_second = fresh / std::max(now, 1e-9),
               .seconds_left = now / std::max(fresh, 1.0) * (work() - static_cast<double>(seen())),
               .loss = state_.loss / done};
  if (task_.correct) out.accuracy = static_cast<double>(state_.correct) / done;
  options_.progress(out);
}

template <class T>
void Trainer<T>::fail(const Shard<T>& shard) const {
  const std::string where =
      first_not_finite(net_, state_.params, inputs_.rows(shard.examples, state_.epoch), {Mode::training, shard.seed});
  throw numerical_error(
      "[fit] the loss is " + std::to_string(shard.loss) + " in epoch " + std::to_string(state_.epoch) + ", batch " +
      std::to_string(batch_number()) + ". " +
      (where.empty() ? "The network's output is finite, the loss is not." : "Not finite first: " + where + ".") +
      " A lower learning rate or scaled inputs may help.");
}

template <class T>
void Trainer<T>::fail(const std::vector<Var<T>>& gradients) const {
  std::string where = "their squares are too large";
  for (std::size_t i = gradients.size(); i-- > 0;)
    if (gradients[i].defined() && !all_finite(gradients[i].value()))
      where = "not finite first: that of '" + state_.params.infos()[i].name + "'";
  throw numerical_error("[fit] the norm of the gradients is not finite in epoch " + std::to_string(state_.epoch) +
                        ", batch " + std::to_string(batch_number()) + "; " + where +
                        ". A lower learning rate or scaled inputs may help.");
}

template struct Inputs<float>;
template struct Inputs<double>;
template std::size_t shard_for(const ModuleBase&, const Parameters<float>&, const Array<float>&, std::size_t);
template std::size_t shard_for(const ModuleBase&, const Parameters<double>&, const Array<double>&, std::size_t);
template class Trainer<float>;
template class Trainer<double>;

}  // namespace xtangent::nn
