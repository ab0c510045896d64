#include "examples/study/long_training.hpp"

#include <algorithm>

#include "autodiff/ops/loss.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/training/evaluate.hpp"
#include "nn/training/fit.hpp"

namespace xtangent::examples {
namespace {

// Images for a training, with their labels.
struct TrainingImages {
  Array<float> x;
  std::vector<std::size_t> labels;
  std::size_t classes = 0;
};

TrainingImages images_for(Workplace& place, const StudyCase& one, std::size_t count) {
  const nn::LabeledImages& train = place.images(one.data).train;
  const std::vector<std::size_t> indices = place.train_indices(one.data, std::min(count, train.count()));
  return {place.pixels(one.data, indices, one.network->layout), labels_at(train, indices), train.classes};
}

nn::Parameters<float> fitted(const nn::ModuleBase& net, nn::Parameters<float> params, const TrainingImages& images,
                             const LongTraining& how, nn::FitOptions<float> options) {
  options.batch = how.batch;
  options.optimizer = how.optimizer;
  options.schedule = how.schedule;
  if (how.squared_error)
    return nn::fit(net, std::move(params), images.x, nn::one_hot<float>(images.labels, images.classes),
                   std::move(options))
        .params;
  return nn::fit(net, std::move(params), images.x, images.labels, std::move(options)).params;
}

Stop stop_at(std::size_t epoch, const nn::ModuleBase& net, const nn::Parameters<float>& params,
             const TrainingImages& images) {
  const Array<float> outputs = nn::predict(net, params, images.x);
  const Var<float> loss = cross_entropy(Var<float>(outputs), images.labels);
  return {epoch, params, static_cast<double>(loss.value()[0]), nn::accuracy(outputs, images.labels)};
}

}  // namespace

void train(Workplace& place, const StudyCase& one, std::size_t width, std::uint64_t seed, const LongTraining& how,
           const std::function<void(const Stop&)>& at) {
  const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
  const TrainingImages images = images_for(place, one, how.images);
  const auto wanted = [&](std::size_t epoch) {
    return std::find(how.epochs.begin(), how.epochs.end(), epoch) != how.epochs.end();
  };
  nn::Parameters<float> params = net->init<float>(seed);
  if (wanted(0)) at(stop_at(0, *net, params, images));
  nn::FitOptions<float> options;
  options.epochs = how.epochs.back();
  options.seed = seed;
  options.on_epoch = [&](const nn::Epoch& epoch, const nn::Parameters<float>& reached) {
    if (wanted(epoch.number)) at(stop_at(epoch.number, *net, reached, images));
    return true;
  };
  fitted(*net, std::move(params), images, how, std::move(options));
}

double training_seconds(Workplace& place, const StudyCase& one, std::size_t width, const LongTraining& how) {
  const std::string name = "training " + one.title() + " " + std::to_string(width) + " " + std::to_string(how.batch);
  const double update = place.timed_once(name, [&] {
    const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
    const TrainingImages images = images_for(place, one, how.batch);
    const auto once = [&](std::size_t epochs) {
      nn::FitOptions<float> options;
      options.epochs = epochs;
      const Stopwatch watch;
      fitted(*net, net->init<float>(1), images, how, std::move(options));
      return watch.seconds();
    };
    once(1);  // fetches the memory
    const double one_update = once(1);
    return one_update > 0.1 ? one_update : once(5) / 5;
  });
  const double count = static_cast<double>(std::min(how.images, place.images(one.data).train.count()));
  return update * count / static_cast<double>(how.batch) * static_cast<double>(how.epochs.back());
}

}  // namespace xtangent::examples
