#include "examples/active/task.hpp"

#include <algorithm>

#include "examples/common/networks.hpp"
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
  return {make_image_task(set, images, kind.layout, s.pool, s.test, s.seed), kind.name, width,
          kind.make(images.train, width)};
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
                 nn::one_hot<float>(labels, task.classes), options)
      .params;
}

}  // namespace xtangent::examples
