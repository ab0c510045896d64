#include "examples/kernel/work.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <numeric>
#include <sstream>

#include "examples/common/format.hpp"
#include "examples/common/images.hpp"
#include "examples/common/inputs.hpp"
#include "examples/common/networks.hpp"
#include "examples/common/sizes.hpp"
#include "nn/data/dataset.hpp"
#include "nn/data/npy.hpp"
#include "nn/safetensors.hpp"
#include "nn/training/checkpoint.hpp"
#include "ntk/metric.hpp"

namespace xtangent::examples {
namespace {

ntk::Labels labels_of(const nn::LabeledImages& images, const std::vector<std::size_t>& chosen) {
  ntk::Labels out;
  for (const std::size_t i : chosen) out.push_back(images.labels[i]);
  return out;
}

std::vector<std::size_t> first(const Settings& s, std::size_t count, const nn::LabeledImages& images,
                               const char* option, const char* which) {
  if (count > images.count())
    throw option_error("[" + s.program + "] " + option + " " + std::to_string(count) + ": " + images.name + " has " +
                       grouped(static_cast<double>(images.count())) + " " + which + " images.");
  std::vector<std::size_t> out(count);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) out.push_back(one);
  return out;
}

// A number for each trainable element, or one for each trainable array; or the steps of Adam after a training.
template <class T>
ntk::Metric metric_of(const Settings& s, const nn::Parameters<T>& params) {
  if (s.metric.empty()) return {};
  if (std::filesystem::path(s.metric).extension() == ".safetensors")
    return ntk::adam_metric(nn::load_optimizer_state(s.metric, params));
  try {
    return ntk::metric_of(nn::read_npy<double>(s.metric), params.layout());
  } catch (const shape_error& failure) {
    throw shape_error("[" + s.program + "] --metric " + s.metric + ": " + failure.what());
  }
}

// A readout that holds something for each example has nothing for them where there are no labels.
ntk::Readout with_labels(const Settings& s, const ntk::Labels& labels, const char* option) {
  const ntk::Readout out = ntk::readout::parse(s.readout, labels);
  if (labels.empty() && !out.common() && out.of_rows->examples())
    throw option_error("[" + s.program + "] --readout " + s.readout +
                       " takes the labels of the examples. Name their file with " + option + ".");
  return out;
}

}  // namespace

nn::TrainAndTest images_of(const Settings& s) {
  if (takes_tokens(s.network))
    throw option_error("[" + s.program + "] " + s.network + " takes tokens. Name their NumPy file with --inputs FILE.");
  network_kind(s.network);  // before the images are read
  return load(s.data);
}

template <class T>
Work<T> prepare(const Settings& s, const nn::TrainAndTest& images) {
  const NetworkKind& kind = network_kind(s.network);
  const double width = kind.width_for(images.train, s.width);
  const nn::AnyModule net = kind.make(images.train, width);
  // Images are scaled as the trainer scales them.
  const nn::DatasetOptions options{.layout = kind.layout, .scaling = nn::channel_standardization(images.train)};
  const std::size_t asked = s.n.value_or(1000), n = asked == 0 ? images.train.count() : asked;
  const std::vector<std::size_t> rows = first(s, n, images.train, "--n", "training");
  const std::vector<std::size_t> others = first(s, s.test.value_or(0), images.test, "--test", "test");
  Work<T> work{net,
               net->init<T>(s.seed),
               nn::Dataset(images.train, options).template batch<T>(rows),
               nn::Dataset(images.test, options).template batch<T>(others),
               labels_of(images.train, rows),
               labels_of(images.test, others)};
  load_and_show(work, s, width, images.train.name);
  return work;
}

template <class T>
void load_and_show(Work<T>& work, const Settings& s, double width, const std::string& examples) {
  if (!s.weights.empty()) work.params = nn::load_parameters<T>(std::move(work.params), s.weights);
  char factor[32];
  std::snprintf(factor, sizeof factor, ", width %g", width);
  const std::string name = s.files.model.empty() ? s.network + factor : s.files.model.string();
  const char* initial = s.files.model.empty() ? "initial parameters" : "its own parameters";
  std::printf("%s, %s: %s parameters; %s\n", name.c_str(), s.weights.empty() ? initial : s.weights.c_str(),
              grouped(static_cast<double>(work.params.size())).c_str(), examples.c_str());
}

template <class T>
ntk::Readout readout_of(const Settings& s, const Work<T>& work, bool test) {
  const ntk::Readout columns = with_labels(s, work.train_labels, "--labels");
  if (!test || columns.common()) return columns;
  return ntk::readout::between(with_labels(s, work.test_labels, "--test-labels"), columns);
}

template <class T>
ntk::Options options_of(const Settings& s, const Work<T>& work) {
  return {.precision = ntk::parse_precision(s.precision),
          .memory = s.memory.empty() ? 0 : parse_bytes("--memory", s.memory),
          .parameters = listed(s.parameters),
          .metric = metric_of(s, work.params)};
}

void Bar::begin(const std::string& what, double flop) {
  gflop_ = flop / 1e9;
  bar_.resume(what, gflop_, gflop_, "GFLOP");
}

void Bar::operator()(const ntk::Progress& p) { bar_.update(p.fraction * gflop_); }

void print_costs(double seconds_taken) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("%s, at most %s of memory\n", seconds(seconds_taken).c_str(),
              bytes(1024.0 * static_cast<double>(usage.ru_maxrss)).c_str());
}

#define XTANGENT_INSTANTIATE(T)                                                       \
  template Work<T> prepare(const Settings&, const nn::TrainAndTest&);                 \
  template void load_and_show(Work<T>&, const Settings&, double, const std::string&); \
  template ntk::Readout readout_of(const Settings&, const Work<T>&, bool);            \
  template ntk::Options options_of(const Settings&, const Work<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::examples
