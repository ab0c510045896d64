#include "examples/study/workplace.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/common/images.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/models/convnet.hpp"

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
    const bool residual = network.name != "mlp" && network.name != "convnet";
    const std::vector<std::string>& sets = data();
    if (settings_.full || !settings_.data.empty())
      for (const std::string& set : sets) out.push_back({&network, set});
    else
      out.push_back({&network, residual ? sets.back() : sets.front()});
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

double Workplace::seconds(double flop) {
  if (!flop_per_second_) {
    const nn::AnyModule net = nn::convnet(64, 1, 10);
    const nn::Parameters<float> params = net->init<float>(1);
    const Array<float> x = Array<float>::zeros({40, 1, 28, 28});
    const auto once = [&] {
      const Stopwatch watch;
      ntk::kernel(*net, params, x, ntk::readout::full());
      return watch.seconds();
    };
    once();
    flop_per_second_ = ntk::plan(*net, params, x, ntk::readout::full()).flop() / std::max(1e-6, once());
  }
  return flop / *flop_per_second_;
}

double Workplace::kernel_seconds(const StudyCase& one, std::size_t width, std::size_t n) {
  const std::string name = one.title() + " " + std::to_string(width) + " " + std::to_string(n);
  if (const auto found = kernel_seconds_.find(name); found != kernel_seconds_.end()) return found->second;
  const nn::LabeledImages& train = images(one.data).train;
  const nn::AnyModule net = one.network->make(train, width);
  const nn::Parameters<float> params = net->init<float>(1);
  const Array<float> x = Array<float>::zeros(nn::shape_of(train, n, one.network->layout));
  double flop = 0;
  for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo()})
    flop += ntk::plan(*net, params, x, readout).flop();
  const double order = static_cast<double>(n * train.classes);
  // Eigenvalues are at a tenth of the speed of products.
  const double out = seconds(flop + 10 * 4.0 / 3.0 * std::pow(order, 3)) + 0.01;
  return kernel_seconds_.emplace(name, out).first->second;
}

}  // namespace xtangent::examples
