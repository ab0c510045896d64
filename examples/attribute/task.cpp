#include "examples/attribute/task.hpp"

#include <algorithm>
#include <numeric>

#include "examples/common/networks.hpp"
#include "nn/data/dataset.hpp"

namespace xtangent::examples {
namespace {

std::vector<std::size_t> chosen(const nn::LabeledImages& images, std::size_t count, std::uint64_t seed) {
  if (count < images.count()) return nn::balanced_indices(images, count, seed);
  std::vector<std::size_t> all(images.count());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::vector<std::string> names_of(const std::string& set, std::size_t classes) {
  if (set == "fashion" && classes == 10)
    return {"T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"};
  if (set == "cifar10" && classes == 10)
    return {"plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  std::vector<std::string> out;
  for (std::size_t c = 0; c < classes; ++c) out.push_back(std::to_string(c));
  return out;
}

const char* usual_network(const std::string& set) {
  return set == "digits" ? "mlp" : set == "cifar10" ? "convnet" : "lenet";
}

}  // namespace

Task make_task(const AttributeSettings& s, const ImageSet& set, const nn::TrainAndTest& images) {
  const std::string network = s.network.empty() ? usual_network(set.name) : s.network;
  const NetworkKind& kind = network_kind(network);
  const double width = s.width.value_or(kind.name == "lenet" ? 1.0 : 0.125);
  // Images are scaled as the trainer and the kernel program scale them.
  const nn::DatasetOptions options{.layout = kind.layout, .scaling = nn::channel_standardization(images.train)};
  const std::vector<std::size_t> rows = chosen(images.train, s.n, s.seed);
  if (rows.size() < 20)
    throw option_error("[attribute] " + std::to_string(rows.size()) +
                       " training images say nothing about halves of them. Take at least 20.");
  std::vector<std::size_t> others(std::min(s.test, images.test.count()));
  std::iota(others.begin(), others.end(), std::size_t{0});
  const nn::AnyModule net = kind.make(images.train, width);
  return {.title = set.title,
          .network = kind.name,
          .width = width,
          .net = net,
          .train = images.train.subset(rows),
          .test = images.test.subset(others),
          .x = nn::Dataset(images.train, options).batch<float>(rows),
          .x_test = nn::Dataset(images.test, options).batch<float>(others),
          .y = images.train.subset(rows).labels,
          .y_test = images.test.subset(others).labels,
          .class_names = names_of(set.name, images.train.classes)};
}

}  // namespace xtangent::examples
