#include "examples/attribute/study.hpp"

#include <algorithm>

#include "examples/attribute/scores.hpp"
#include "examples/attribute/training.hpp"
#include "examples/common/format.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/training/evaluate.hpp"

namespace xtangent::examples {
namespace {

// Streams of seeds that no two parts share: networks on flipped labels begin with the seed itself.
constexpr std::uint64_t seed_of_ensemble = 100000, seed_of_subsets = 200000;

// A step of the bar for a number of things that call back when they are done.
std::function<void()> step(Progress& bar, const std::string& what, double weight, std::size_t items,
                           const std::string& unit) {
  bar.step(what, weight, static_cast<double>(items), unit);
  return [&bar, count = std::size_t{0}]() mutable { bar.update(static_cast<double>(++count)); };
}

std::vector<double> mean_curve(const MarginKernels& kernels, const Study& study) {
  std::vector<double> out;
  for (const double ridge : study.ridges)
    out.push_back(mean_of(datamodeling_scores(scores(kernels, ridge), study.subsets, study.margins)).value);
  return out;
}

void add(Study& study, Method method) {
  method.lds = datamodeling_scores(method.scores, study.subsets, study.margins);
  study.methods.push_back(std::move(method));
}

void explain(Study& out, const std::vector<nn::Parameters<float>>& networks, const std::function<void()>& done) {
  const AttributeSettings& s = out.settings;
  std::vector<MarginKernels> exact;
  Stopwatch watch;
  for (const nn::Parameters<float>& params : networks) {
    exact.push_back(exact_kernels(out.task, params, out.task.y));
    if (exact.size() == 1) {
      const Array<double>& misses = exact.front().misses;
      out.misses.assign(misses.data(), misses.data() + misses.size());
      Method method{
          .id = "exact", .name = "exact", .scores = scores(exact.front(), s.ridge), .seconds = watch.seconds()};
      method.curve = mean_curve(exact.front(), out);
      add(out, std::move(method));
    }
    done();
  }
  for (const std::size_t count : s.projections) {
    const Stopwatch own;
    const MarginKernels projected = projected_kernels(out.task, networks.front(), count, s.seed);
    Method method{.id = std::string("projected_").append(std::to_string(count)),
                  .name = "projected to " + grouped(static_cast<double>(count)),
                  .scores = scores(projected, s.ridge),
                  .seconds = own.seconds()};
    method.curve = mean_curve(projected, out);
    add(out, std::move(method));
    done();
  }
  add(out, {.id = "products", .name = "exact, without the inverse", .scores = products(exact.front())});
  if (networks.size() > 1)
    add(out, {.id = "ensemble",
              .name = "exact, mean of " + plural(networks.size(), "network"),
              .scores = ensemble_scores(exact, s.ridge),
              .seconds = watch.seconds()});
}

}  // namespace

Study study(const AttributeSettings& s, Task task) {
  const Stopwatch watch;
  Study out{.settings = s, .task = std::move(task)};
  out.ridges = {1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100};
  const std::size_t n = out.task.y.size();
  out.subsets = halves(n, s.subsets, s.seed);

  std::vector<Lesson> lessons, whole;
  for (std::size_t i = 0; i < s.ensemble; ++i)
    whole.push_back(whole_lesson(out.task, out.task.y, s.seed + seed_of_ensemble + i));
  for (std::size_t i = 0; i < s.subsets; ++i)
    lessons.push_back({.images = out.subsets[i], .labels = out.task.y, .seed = s.seed + seed_of_subsets + i});

  const auto networks = static_cast<double>(s.ensemble), flips = static_cast<double>(s.flip_seeds);
  const double retrained = 0.5 * static_cast<double>(s.subsets),
               scoring = networks + static_cast<double>(s.projections.size());
  Progress bar(networks + retrained + scoring + 1.5 * flips);
  const std::vector<nn::Parameters<float>> trained =
      train_networks(out.task, s, whole, step(bar, "training on all images", networks, s.ensemble, "networks"));
  out.params = trained.front();
  out.parameters = out.params.size();
  const Array<float> outputs = nn::predict(*out.task.net, out.params, out.task.x_test);
  out.predictions = nn::argmax(outputs);
  out.test_accuracy = nn::accuracy(outputs, out.task.y_test);
  out.train_accuracy = nn::accuracy(*out.task.net, out.params, out.task.x, out.task.y);

  const std::vector<nn::Parameters<float>> parts =
      train_networks(out.task, s, lessons, step(bar, "training on halves", retrained, s.subsets, "networks"));
  out.margins = Array<double>({s.subsets, out.task.y_test.size()});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::vector<double> m = test_margins(out.task, parts[i]);
    std::copy(m.begin(), m.end(), out.margins.mutable_data() + i * m.size());
  }
  out.seconds_training = watch.seconds();

  explain(out, trained, step(bar, "scoring", scoring, s.ensemble + s.projections.size(), "kernels"));
  out.flips = study_flips(out.task, s, step(bar, "flipped labels", 1.5 * flips, 2 * s.flip_seeds, "steps"));
  bar.finish();
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
