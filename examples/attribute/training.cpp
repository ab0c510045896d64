#include "examples/attribute/training.hpp"

#include <mutex>
#include <numeric>

#include "autodiff/kernels/parallel.hpp"
#include "nn/training/fit.hpp"
#include "ntk/attribution.hpp"

namespace xtangent::examples {
namespace {

nn::Parameters<float> train(const Task& task, const AttributeSettings& s, std::size_t epochs, const Lesson& lesson) {
  ntk::Labels labels;
  for (const std::size_t i : lesson.images) labels.push_back(lesson.labels[i]);
  nn::FitOptions<float> options;
  options.epochs = epochs;
  options.batch = s.batch_size;
  options.optimizer = nn::adam({.rate = s.learning_rate});
  options.schedule = nn::schedule::cosine();
  options.seed = lesson.seed;
  return nn::fit(*task.net, task.net->init<float>(lesson.seed), task.x.rows_at(lesson.images), labels, options).params;
}

}  // namespace

Lesson whole_lesson(const Task& task, ntk::Labels labels, std::uint64_t seed) {
  Lesson out{.images = std::vector<std::size_t>(task.y.size()), .labels = std::move(labels), .seed = seed};
  std::iota(out.images.begin(), out.images.end(), std::size_t{0});
  return out;
}

std::vector<nn::Parameters<float>> train_networks(const Task& task, const AttributeSettings& settings,
                                                  std::size_t epochs, const std::vector<Lesson>& lessons,
                                                  const std::function<void()>& done) {
  std::vector<nn::Parameters<float>> out(lessons.size());
  std::mutex one;
  // A small network keeps no more than one thread busy.
  kernels::parallel_for(lessons.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      out[i] = train(task, settings, epochs, lessons[i]);
      const std::lock_guard lock(one);
      done();
    }
  });
  return out;
}

std::vector<double> test_margins(const Task& task, const nn::Parameters<float>& params) {
  const Array<float> m = ntk::margins(nn::predict(*task.net, params, task.x_test), task.y_test);
  return {m.data(), m.data() + m.size()};
}

}  // namespace xtangent::examples
