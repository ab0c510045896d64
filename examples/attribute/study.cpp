#include "examples/attribute/study.hpp"

#include <algorithm>
#include <memory>

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
  // Copies of the function count together.
  return [&bar, count = std::make_shared<std::size_t>(0)] { bar.update(static_cast<double>(++*count)); };
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
  double exact_seconds = 0;
  for (const nn::Parameters<float>& params : networks) {
    const Stopwatch watch;
    exact.push_back(exact_kernels(out.task, params, out.task.y));
    exact_seconds += watch.seconds();
    if (exact.size() == 1) {
      const Array<double>& misses = exact.front().misses;
      out.misses.assign(misses.data(), misses.data() + misses.size());
      Method method{.id = "exact", .name = "exact", .scores = scores(exact.front(), s.ridge)};
      method.seconds = watch.seconds();
      method.curve = mean_curve(exact.front(), out);
      add(out, std::move(method));
    }
    done();
  }
  for (const std::size_t count : s.projections) {
    const Stopwatch watch;
    const MarginKernels projected = projected_kernels(out.task, networks.front(), count, s.seed);
    Method method{.id = std::string("projected_").append(std::to_string(count)),
                  .name = std::string("projected to ").append(grouped(static_cast<double>(count))),
                  .scores = scores(projected, s.ridge)};
    method.seconds = watch.seconds();
    method.curve = mean_curve(projected, out);
    add(out, std::move(method));
    done();
  }
  add(out, {.id = "products", .name = "exact, without the inverse", .scores = products(exact.front())});
  if (networks.size() == 1) return;
  const Stopwatch watch;
  Method method{.id = "ensemble",
                .name = std::string("exact, mean of ").append(plural(networks.size(), "network")),
                .scores = ensemble_scores(exact, s.ridge)};
  method.seconds = exact_seconds + watch.seconds();
  add(out, std::move(method));
}

// The margins (S, M) of the test images in the networks of one training on each half.
Array<double> retrained(const Study& study, std::uint64_t seed, const std::function<void()>& done) {
  std::vector<Lesson> lessons;
  for (std::size_t i = 0; i < study.subsets.size(); ++i)
    lessons.push_back({.images = study.subsets[i], .labels = study.task.y, .seed = seed + i});
  const std::vector<nn::Parameters<float>> networks =
      train_networks(study.task, study.settings, study.settings.epochs, lessons, done);
  Array<double> out({networks.size(), study.task.y_test.size()});
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const std::vector<double> m = test_margins(study.task, networks[i]);
    std::copy(m.begin(), m.end(), out.mutable_data() + i * m.size());
  }
  return out;
}

void retrain(Study& out, const std::function<void()>& done) {
  const AttributeSettings& s = out.settings;
  std::vector<Array<double>> margins;
  for (std::size_t r = 0; r < s.repeats; ++r)
    margins.push_back(retrained(out, s.seed + seed_of_subsets + r * s.subsets, done));
  out.margins = margins.front().clone();
  for (std::size_t r = 1; r < margins.size(); ++r)
    for (std::size_t i = 0; i < out.margins.size(); ++i) out.margins.mutable_data()[i] += margins[r][i];
  for (std::size_t i = 0; i < out.margins.size(); ++i)
    out.margins.mutable_data()[i] /= static_cast<double>(margins.size());
  if (margins.size() > 1) out.agreement = agreement(margins[0], margins[1]);
}

}  // namespace

Study study(const AttributeSettings& s, Task task) {
  const Stopwatch watch;
  Study out{.settings = s, .task = std::move(task)};
  out.ridges = {1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100};
  out.subsets = halves(out.task.y.size(), s.subsets, s.seed);
  std::vector<Lesson> whole;
  for (std::size_t i = 0; i < s.ensemble; ++i)
    whole.push_back(whole_lesson(out.task, out.task.y, s.seed + seed_of_ensemble + i));
  // Weights of the steps in trainings on all images.
  const std::size_t early = std::max<std::size_t>(1, s.epochs / 4);
  const auto networks = static_cast<double>(s.ensemble), flips = static_cast<double>(s.flip_seeds);
  const double parts = 0.5 * static_cast<double>(s.subsets * s.repeats),
               scoring = networks + static_cast<double>(s.projections.size());
  Progress bar(networks + parts + scoring + 2.5 * flips);
  const std::vector<nn::Parameters<float>> trained = train_networks(
      out.task, s, s.epochs, whole, step(bar, "training on all images", networks, s.ensemble, "networks"));
  out.params = trained.front();
  out.parameters = out.params.size();
  const Array<float> outputs = nn::predict(*out.task.net, out.params, out.task.x_test);
  out.predictions = nn::argmax(outputs);
  out.test_accuracy = nn::accuracy(outputs, out.task.y_test);
  out.train_accuracy = nn::accuracy(*out.task.net, out.params, out.task.x, out.task.y);
  retrain(out, step(bar, "training on halves", parts, s.subsets * s.repeats, "networks"));
  out.seconds_training = watch.seconds();
  explain(out, trained, step(bar, "scoring", scoring, s.ensemble + s.projections.size(), "kernels"));
  const auto done = step(bar, "flipped labels", 2.5 * flips, 4 * s.flip_seeds, "steps");
  for (const std::size_t epochs : {early, s.epochs})
    if (out.flips.empty() || epochs > early) out.flips.push_back(study_flips(out.task, s, epochs, done));
  bar.finish();
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
