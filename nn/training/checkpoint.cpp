#include "nn/training/checkpoint.hpp"

#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "nn/training/checkpoint_format.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using checkpoint_format::checksum;
using checkpoint_format::state_key;
using checkpoint_format::sum_key;

constexpr const char* first_key = "optimizer/first";
constexpr const char* second_key = "optimizer/second";

// Every array of a checkpoint, in the order of the file.
template <class T>
std::vector<NamedArray<T>> arrays_of(const TrainingState<T>& state) {
  std::vector<NamedArray<T>> out;
  for (const auto& [info, value] : state.params) out.push_back({info.name, value});
  for (const ParameterInfo& info : state.params.buffer_infos()) out.push_back({info.name, state.params[info.name]});
  if (state.optimizer.first.defined()) out.push_back({first_key, state.optimizer.first});
  if (state.optimizer.second.defined()) out.push_back({second_key, state.optimizer.second});
  return out;
}

// The CRC-32 of everything that a checkpoint says: the description of the training, and of each array its name, type,
// shape and elements, in whatever order the file has them.
class Checksum {
 public:
  explicit Checksum(std::string text) : lines_{std::move(text)} {}
  template <class T>
  void add(const std::string& name, const Array<T>& value) {
    const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(value.data()), value.bytes());
    const char* type = sizeof(T) == 4 ? " float " : " double ";
    lines_.insert(name + type + to_string(value.shape()) + " " + std::to_string(sum));
  }
  std::string text() const {
    uLong sum = 0;
    for (const std::string& line : lines_)
      sum = crc32_z(sum, reinterpret_cast<const Bytef*>(line.c_str()), line.size() + 1);
    return std::to_string(sum);
  }

 private:
  std::multiset<std::string> lines_;
};

// JSON has no NaN, so null stands for it.
double number_or_nan(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

template <class T>
Json described(const TrainingState<T>& state, const TrainingSettings& settings) {
  Json history = Json::array();
  for (const Epoch& e : state.history)
    history.push_back({e.number, e.loss, e.accuracy, e.test_loss, e.test_accuracy, e.seconds});
  Json given = Json::object();
  for (const auto& [name, value] : settings) given[name] = value;
  return {{"steps", state.optimizer.steps},
          {"epoch", state.epoch},
          {"done", state.done},
          {"correct", state.correct},
          {"loss", state.loss},
          {"seconds", state.seconds},
          {"history", history},
          {"settings", given}};
}

// A counter. Json's own conversion would also take -1 and 1e30 for one.
std::size_t whole(const Json& value) { return value.get_ref<const Json::number_unsigned_t&>(); }

template <class T>
void read_description(const Json& json, TrainingState<T>& state) {
  state.epoch = whole(json.at("epoch"));
  state.done = whole(json.at("done"));
  state.correct = whole(json.at("correct"));
  state.loss = number_or_nan(json.at("loss"));
  state.seconds = json.at("seconds").get<double>();
  for (const Json& e : json.at("history"))
    state.history.push_back({whole(e.at(0)), number_or_nan(e.at(1)), number_or_nan(e.at(2)), number_or_nan(e.at(3)),
                             number_or_nan(e.at(4)), number_or_nan(e.at(5))});
}

// Why no training can have this state, or nothing.
template <class T>
std::string fault_of(const TrainingState<T>& state) {
  bool numbered = state.epoch == state.history.size() + 1;
  for (std::size_t i = 0; i < state.history.size(); ++i) numbered = numbered && state.history[i].number == i + 1;
  if (!numbered) return "its epochs are not numbered from 1.";
  if (state.correct > state.done) return "more examples are right than the epoch has seen.";
  const Shape shape{state.params.size()};
  for (const auto* moments : {&state.optimizer.first, &state.optimizer.second})
    if (moments->defined() && !(moments->shape() == shape))
      return "moments of shape " + to_string(moments->shape()) + " for parameters of shape " + to_string(shape) + ".";
  return {};
}

// The settings that differ, such as "batch is 64 there and 32 here".
std::string differences(const Json& there, const TrainingSettings& here) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  for (const auto& [name, value] : here) {
    const std::string found = there.contains(name) ? there.at(name).get<std::string>() : "not given";
    if (found != value) add(name + " is " + found + " there and " + value + " here");
  }
  for (const auto& entry : there.items())
    if (std::none_of(here.begin(), here.end(), [&](const auto& s) { return s.first == entry.key(); }))
      add(entry.key() + " is " + entry.value().template get<std::string>() + " there and not given here");
  return out;
}

constexpr const char* unreadable = "the description of the training cannot be read.";

data_error corrupt(const std::string& who, const fs::path& file, const std::string& what) {
  return data_error("[" + who + "] " + file.string() + ": corrupt: " + what +
                    " Take an older checkpoint, or start from the beginning.");
}

// The content of a checkpoint. It is read after its checksum, so that damage to a setting is not taken for another one.
struct Stored {
  TensorFile arrays;
  Json state;
};

Stored read_checkpoint(const std::string& who, const fs::path& file) {
  TensorFile arrays = read_safetensors(file);
  const auto text = arrays.metadata().find(state_key), sum = arrays.metadata().find(sum_key);
  if (text == arrays.metadata().end() || sum == arrays.metadata().end())
    throw data_error("[" + who + "] " + file.string() +
                     ": this is no checkpoint of a training by this version of the library. Use load_parameters to "
                     "read weights alone.");
  if (checksum(text->second, arrays) != sum->second) throw corrupt(who, file, "the checksum is wrong.");
  try {
    Json state = Json::parse(text->second);
    return {std::move(arrays), std::move(state)};
  } catch (const Json::exception&) {
    throw corrupt(who, file, unreadable);
  }
}

template <class T>
OptimizerState<T> optimizer_state(const Stored& stored) {
  OptimizerState<T> out;
  out.steps = whole(stored.state.at("steps"));
  if (stored.arrays.contains(first_key)) out.first = stored.arrays.get<T>(first_key);
  if (stored.arrays.contains(second_key)) out.second = stored.arrays.get<T>(second_key);
  return out;
}

}  // namespace

std::string checkpoint_format::checksum(const std::string& text, const TensorFile& file) {
  Checksum sum(text);
  for (const TensorFile::Entry& entry : file.entries())
    if (entry.type == ElementType::f64)
      sum.add(entry.name, file.get<double>(entry.name));
    else
      sum.add(entry.name, file.get<float>(entry.name));
  return sum.text();
}

template <class T>
double checkpoint_bytes(const Parameters<T>& params, const Optimizer<T>& optimizer, std::size_t epochs) {
  // The header: what there always is, and what each epoch and each array takes as JSON.
  std::size_t header = 4096 + 160 * std::min<std::size_t>(epochs, 10'000);  // more are to be ended by on_epoch
  for (const auto* infos : {&params.infos(), &params.buffer_infos()})
    for (const ParameterInfo& info : *infos) header += 160 + info.name.size();
  const std::size_t elements = params.size() * (1 + optimizer.state_arrays()) + params.buffers().size();
  return static_cast<double>(header) + static_cast<double>(elements) * sizeof(T);
}

template <class T>
void save_checkpoint(const fs::path& file, const TrainingState<T>& state, const TrainingSettings& settings) {
  const std::vector<NamedArray<T>> arrays = arrays_of(state);
  const std::string text = described(state, settings).dump();
  Checksum sum(text);
  for (const NamedArray<T>& array : arrays) sum.add(array.name, array.value);
  write_safetensors(file, arrays, {.metadata = {{state_key, text}, {sum_key, sum.text()}}});
}

template <class T>
TrainingState<T> load_checkpoint(const fs::path& file, Parameters<T> params, const TrainingSettings& settings) {
  const Stored stored = read_checkpoint("resume", file);
  TrainingState<T> state;
  state.params = load_parameters(std::move(params), stored.arrays, {.ignore_extra = true});
  try {
    const std::string other = differences(stored.state.at("settings"), settings);
    if (!other.empty())
      throw option_error("[resume] " + file.string() + " is of a training with other settings: " + other +
                         ". Use the same ones, or start from the beginning.");
    read_description(stored.state, state);
    state.optimizer = optimizer_state<T>(stored);
  } catch (const Json::exception&) {
    throw corrupt("resume", file, unreadable);
  }
  if (const std::string fault = fault_of(state); !fault.empty()) throw corrupt("resume", file, fault);
  return state;
}

template <class T>
OptimizerState<T> load_optimizer_state(const fs::path& file, const Parameters<T>& params) {
  const Stored stored = read_checkpoint("load_optimizer_state", file);
  try {
    OptimizerState<T> out = optimizer_state<T>(stored);
    for (const Array<T>* moments : {&out.first, &out.second})
      if (moments->defined() && !(moments->shape() == Shape{params.size()}))
        throw parameter_error("[load_optimizer_state] " + file.string() + ": moments of shape " +
                              to_string(moments->shape()) + " for a network of " + std::to_string(params.size()) +
                              " trainable elements. Take the network that was trained.");
    return out;
  } catch (const Json::exception&) {
    throw corrupt("load_optimizer_state", file, unreadable);
  }
}

#define XTANGENT_INSTANTIATE(T)                                                                       \
  template double checkpoint_bytes(const Parameters<T>&, const Optimizer<T>&, std::size_t);           \
  template void save_checkpoint(const fs::path&, const TrainingState<T>&, const TrainingSettings&);   \
  template TrainingState<T> load_checkpoint(const fs::path&, Parameters<T>, const TrainingSettings&); \
  template OptimizerState<T> load_optimizer_state(const fs::path&, const Parameters<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
