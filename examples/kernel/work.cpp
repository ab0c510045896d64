#include "examples/kernel/work.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <numeric>
#include <sstream>

#include "examples/common/format.hpp"
#include "examples/common/images.hpp"
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

std::vector<std::size_t> first(std::size_t count, const nn::LabeledImages& images, const char* option,
                               const char* which) {
  if (count > images.count())
    throw option_error(std::string("[kernel] ") + option + " " + std::to_string(count) + ": " + images.name + " has " +
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
ntk::Metric metric_of(const std::string& file, const nn::Parameters<T>& params) {
  if (file.empty()) return {};
  if (std::filesystem::path(file).extension() == ".safetensors")
    return ntk::adam_metric(nn::load_optimizer_state(file, params));
  const std::size_t elements = params.size(), arrays = params.count();
  const Array<double> numbers = nn::read_npy<double>(file);
  if (numbers.size() == elements) return {.elements = numbers};
  if (numbers.size() == arrays) return {.arrays = numbers};
  throw shape_error("[kernel] --metric " + file + ": " + std::to_string(numbers.size()) + " numbers for a network of " +
                    std::to_string(elements) + " trainable elements in " + std::to_string(arrays) +
                    " arrays. Give one for each element, or one for each array.");
}

// A readout that holds something for each example has nothing for them where there are no labels.
ntk::Readout with_labels(const std::string& name, const ntk::Labels& labels, const char* option) {
  const ntk::Readout out = ntk::readout::parse(name, labels);
  if (labels.empty() && !out.common() && out.of_rows->examples())
    throw option_error("[kernel] --readout " + name + " takes the labels of the examples. Name their file with " +
                       option + ".");
  return out;
}

}  // namespace

template <class T>
Work<T> prepare(const Settings& s, const nn::TrainAndTest& images) {
  const NetworkKind& kind = network_kind(s.network);
  const double width = kind.width_for(images.train, s.width);
  const nn::AnyModule net = kind.make(images.train, width);
  // Images are scaled as the trainer scales them.
  const nn::DatasetOptions options{.layout = kind.layout, .scaling = nn::channel_standardization(images.train)};
  const std::size_t asked = s.n.value_or(1000), n = asked == 0 ? images.train.count() : asked;
  const std::vector<std::size_t> rows = first(n, images.train, "--n", "training");
  const std::vector<std::size_t> others = first(s.test.value_or(0), images.test, "--test", "test");
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
  const ntk::Readout columns = with_labels(s.readout, work.train_labels, "--labels");
  if (!test || columns.common()) return columns;
  return ntk::readout::between(with_labels(s.readout, work.test_labels, "--test-labels"), columns);
}

template <class T>
ntk::Options options_of(const Settings& s, const Work<T>& work) {
  return {.memory = s.memory.empty() ? 0 : parse_bytes("--memory", s.memory),
          .parameters = listed(s.parameters),
          .metric = metric_of(s.metric, work.params)};
}

void Bar::begin(const std::string& what, double flop) {
  what_ = what;
  gflop_ = flop / 1e9;
  begun_ = false;
}

void Bar::operator()(const ntk::Progress& p) {
  if (!begun_) bar_.step(what_, gflop_, gflop_, "GFLOP", p.fraction * gflop_);
  begun_ = true;
  bar_.update(p.fraction * gflop_);
}

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
