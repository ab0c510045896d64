#include "examples/study/workplace.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/common/images.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/models/resnet.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

// The images are the same in every run, so that runs with other seeds can be compared.
constexpr std::uint64_t seed_of_images = 1;

bool is_there(const std::string& name) {
  try {
    find(image_set(name), {});
    return true;
  } catch (const data_error&) {
    return false;
  }
}

// A folder is called by its own name. Entries of the tables have no commas.
std::string name_of(const std::string& where) {
  fs::path path = fs::path(where).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  std::string name = path.filename().string();
  std::replace(name.begin(), name.end(), ',', '_');
  return name;
}

constexpr auto both_kernels = {&ntk::readout::full, &ntk::readout::pseudo};

// FLOP of both kernels of images x.
double flop_of_pair(const nn::AnyModule& net, const Array<float>& x) {
  const nn::Parameters<float> params = net->init<float>(1);
  double out = 0;
  for (const auto readout : both_kernels) out += ntk::plan(*net, params, x, readout()).flop();
  return out;
}

// Seconds for one FLOP of both kernels. The first run, which fetches the memory, does not count.
double seconds_of_flop(const nn::AnyModule& net, const Array<float>& x) {
  const nn::Parameters<float> params = net->init<float>(1);
  double least = INFINITY;
  for (int run = 0; run < 2; ++run) {
    const Stopwatch watch;
    for (const auto readout : both_kernels) ntk::kernel(*net, params, x, readout());
    least = std::min(least, watch.seconds());
  }
  return least / flop_of_pair(net, x);
}

double seconds_of_eigenvalues(std::size_t order) {
  Array<double> kernel = Array<double>::zeros({order, order});
  for (std::size_t i = 0; i < order; ++i)
    for (std::size_t j = 0; j < order; ++j)
      kernel.mutable_data()[i * order + j] = 1 / (1 + std::abs(static_cast<double>(i) - static_cast<double>(j)));
  const Stopwatch watch;
  ntk::eigenvalues(std::move(kernel));
  return watch.seconds();
}

}  // namespace

std::vector<std::size_t> labels_at(const nn::LabeledImages& images, const std::vector<std::size_t>& indices) {
  std::vector<std::size_t> out;
  for (const std::size_t index : indices) out.push_back(images.labels[index]);
  return out;
}

const std::vector<std::string>& Workplace::data() {
  if (!data_.empty()) return data_;
  std::vector<std::string> wanted = settings_.data;
  if (wanted.empty())
    for (const char* name : {"mnist", "cifar10"})
      if (is_there(name)) wanted.push_back(name);
  if (wanted.empty()) wanted.push_back("digits");
  for (const std::string& where : wanted) {
    const std::string name = name_of(where);
    if (!where_.emplace(name, where).second)
      throw option_error("[study] two sets of images of the name " + name + " cannot be told apart in the tables.");
    data_.push_back(name);
  }
  return data_;
}

const nn::TrainAndTest& Workplace::images(const std::string& data) {
  const auto found = images_.find(data);
  return found != images_.end() ? found->second : images_.emplace(data, load(where_.at(data))).first->second;
}

std::vector<StudyCase> Workplace::cases() {
  std::vector<StudyCase> out;
  const auto wanted = [&](const StudyNetwork& network) {
    const auto& names = settings_.networks;
    return names.empty() || std::find(names.begin(), names.end(), network.name) != names.end();
  };
  for (const StudyNetwork& network : study_networks()) {
    if (!wanted(network)) continue;
    const std::vector<std::string>& sets = data();
    if (settings_.full || !settings_.data.empty())
      for (const std::string& set : sets) out.push_back({&network, set});
    else
      out.push_back({&network, network.residual ? sets.back() : sets.front()});
  }
  return out;
}

std::vector<std::size_t> Workplace::widths(const StudyNetwork& network) const {
  if (!settings_.widths.empty()) return settings_.widths;
  std::vector<std::size_t> out = network.widths;
  if (!settings_.full) out.resize(network.quick_widths);
  return out;
}

std::vector<std::uint64_t> Workplace::seeds(std::size_t quick, std::size_t full) const {
  const std::size_t count = settings_.seeds ? settings_.seeds : settings_.full ? full : quick;
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(settings_.seed + i);
  return out;
}

std::vector<std::size_t> Workplace::train_indices(const std::string& data, std::size_t count) {
  return nn::balanced_indices(images(data).train, count, seed_of_images);
}

std::vector<std::size_t> Workplace::test_indices(const std::string& data, std::size_t count) {
  const nn::LabeledImages& test = images(data).test;
  return nn::balanced_indices(test, std::min(count, test.count()), seed_of_images);
}

Array<float> Workplace::pixels(const std::string& data, const std::vector<std::size_t>& indices, nn::ImageLayout layout,
                               bool test) {
  const nn::TrainAndTest& both = images(data);
  const auto found = scaling_.find(data);
  const nn::PixelScaling scaling =
      found != scaling_.end() ? found->second : scaling_.emplace(data, nn::standardization(both.train)).first->second;
  return nn::pixels<float>(test ? both.test : both.train, indices, layout, scaling);
}

double Workplace::timed_once(const std::string& name, const std::function<double()>& f) {
  const auto found = times_.find(name);
  return found != times_.end() ? found->second : times_.emplace(name, f()).first->second;
}

double Workplace::seconds(double flop) {
  const double one = timed_once("a residual network", [&] {
    const nn::AnyModule net = nn::resnet18({.classes = 10, .stem = nn::Stem::cifar, .width = 0.125});
    return seconds_of_flop(net, Array<float>::zeros({8, 3, 32, 32}));
  });
  return flop * one;
}

double Workplace::kernel_seconds(const StudyCase& one, std::size_t width, std::size_t n) {
  return timed_once("kernels " + one.title() + " " + std::to_string(width) + " " + std::to_string(n), [&] {
    const nn::LabeledImages& train = images(one.data).train;
    const std::vector<std::size_t> all = widths(*one.network);
    const double flop_seconds = timed_once("flop " + one.title(), [&] {
      const Shape shape = nn::shape_of(train, kernel_images(*one.network), one.network->layout);
      return seconds_of_flop(
          one.network->make(train, all[std::min<std::size_t>(one.network->residual ? 1 : 2, all.size() - 1)]),
          Array<float>::zeros(shape));
    });
    constexpr std::size_t small = 400;
    const double eigenvalues = timed_once("eigenvalues", [] { return seconds_of_eigenvalues(small); });
    const Array<float> x = Array<float>::zeros(nn::shape_of(train, n, one.network->layout));
    const double order = static_cast<double>(n * train.classes);
    return flop_seconds * flop_of_pair(one.network->make(train, width), x) +
           eigenvalues * std::pow(order / static_cast<double>(small), 3) + 0.01;
  });
}

}  // namespace xtangent::examples
