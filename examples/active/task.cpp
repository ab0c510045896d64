#include "examples/active/task.hpp"

#include <algorithm>
#include <numeric>

#include "examples/common/networks.hpp"
#include "nn/data/dataset.hpp"
#include "nn/training/fit.hpp"

namespace xtangent::examples {

ActiveTask make_active_task(const ActiveSettings& s, const ImageSet& set, const nn::TrainAndTest& images) {
  const NetworkKind& kind = network_kind(s.network);
  const double width = s.width.value_or(0.25);
  const std::size_t count = std::min(s.pool, images.train.count()), wanted = s.start + s.rounds * s.acquire;
  if (wanted > count)
    throw option_error("[active] " + std::to_string(s.start) + " images and " + std::to_string(s.rounds) +
                       " rounds of " + std::to_string(s.acquire) + " make " + std::to_string(wanted) + " labels, for " +
                       std::to_string(count) + " training images. Choose fewer --rounds or a larger --pool.");
  const nn::DatasetOptions options{.layout = kind.layout, .scaling = nn::channel_standardization(images.train)};
  const Numbers rows = nn::balanced_indices(images.train, count, s.seed);
  Numbers others(std::min(s.test, images.test.count()));
  std::iota(others.begin(), others.end(), std::size_t{0});
  return {.title = set.title,
          .source = images.train.source,
          .license = images.train.license,
          .network = kind.name,
          .width = width,
          .net = kind.make(images.train, width),
          .images = images.train.subset(rows),
          .x = nn::Dataset(images.train, options).batch<float>(rows),
          .x_test = nn::Dataset(images.test, options).batch<float>(others),
          .y = images.train.subset(rows).labels,
          .y_test = images.test.subset(others).labels,
          .classes = images.train.classes};
}

Array<float> one_hot(const Numbers& labels, std::size_t classes) {
  Array<float> out = Array<float>::zeros({labels.size(), classes});
  for (std::size_t i = 0; i < labels.size(); ++i) out.mutable_data()[i * classes + labels[i]] = 1;
  return out;
}

nn::Parameters<float> train_active(const ActiveTask& task, const ActiveSettings& s, const Numbers& labelled,
                                   const Numbers& labels, std::uint64_t seed, const nn::Parameters<float>* from) {
  nn::FitOptions<float> options;
  const std::size_t updates = (labelled.size() + s.batch_size - 1) / s.batch_size;
  options.epochs = std::max<std::size_t>(1, s.steps / updates);
  options.batch = s.batch_size;
  options.optimizer = nn::adam({.rate = from ? s.learning_rate / 10 : s.learning_rate});
  options.schedule = nn::schedule::cosine();
  options.seed = seed;
  return nn::fit(*task.net, from ? *from : task.net->init<float>(seed), task.x.rows_at(labelled),
                 one_hot(labels, task.classes), options)
      .params;
}

}  // namespace xtangent::examples
