#include "examples/uncertainty/experiment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "examples/common/interruption.hpp"
#include "examples/common/networks.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/data/dataset.hpp"
#include "nn/training/fit.hpp"

namespace xtangent::examples {
namespace {

// The same pixels in another order, one for all images.
Array<float> shuffled(const Array<float>& x, std::uint64_t seed) {
  const std::size_t pixels = x.size() / std::max<std::size_t>(1, x.shape()[0]);
  const std::vector<std::size_t> order = nn::shuffled_indices(pixels, seed);
  Array<float> out(x.shape());
  float* to = out.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) to[i] = x[i / pixels * pixels + order[i % pixels]];
  return out;
}

// Some of the images of a task.
struct Part {
  Array<float> x;
  Numbers y;
  Part(const ImageTask& task, std::size_t first, std::size_t last)
      : x(task.x.rows(first, last)),
        y(task.y.begin() + static_cast<std::ptrdiff_t>(first), task.y.begin() + static_cast<std::ptrdiff_t>(last)) {}
};

nn::Parameters<float> train(const UncertaintySettings& s, const UncertaintyTask& task, const Part& images,
                            std::uint64_t seed) {
  nn::FitOptions<float> options;
  options.epochs = s.epochs;
  options.batch = s.batch_size;
  options.optimizer = nn::sgd({.rate = s.learning_rate, .momentum = 0.9, .weight_decay = s.decay});
  options.schedule = nn::schedule::cosine();
  options.seed = seed;
  options.stop = interrupted;
  nn::Parameters<float> out =
      nn::fit(*task.net, task.net->init<float>(seed), images.x, images.y, std::move(options)).params;
  end_if_interrupted();
  return out;
}

}  // namespace

UncertaintyTask make_uncertainty_task(const UncertaintySettings& s, const ImageSet& set,
                                      const nn::TrainAndTest& images) {
  const NetworkKind& kind = network_kind(s.network);
  const double width = s.width.value_or(0.25);
  if (s.n + s.held_out > images.train.count())
    throw option_error("[uncertainty] " + std::to_string(s.n) + " training images and " + std::to_string(s.held_out) +
                       " to hold out are more than the " + std::to_string(images.train.count()) + " of " + set.title +
                       ". Choose a smaller --n.");
  UncertaintyTask out{.images = make_image_task(set, images, kind.layout, s.n, s.test, s.seed),
                      .x_other = {},
                      .other_title = "test images with shuffled pixels",
                      .width = width,
                      .net = kind.make(images.train, width)};
  if (s.other == "shuffled") {
    out.x_other = shuffled(out.images.x_test, s.seed);
    return out;
  }
  const ImageSet& other = image_set(s.other);
  if (other.name == set.name)
    throw option_error("[uncertainty] --other " + s.other + " is the set itself. Choose another set, or shuffled.");
  const nn::LabeledImages strange = load(other, s.data).test;
  if (!(nn::shape_of(strange, 1, kind.layout) == nn::shape_of(images.test, 1, kind.layout)))
    throw option_error("[uncertainty] images of " + other.title + " have " + std::to_string(strange.channels) + " x " +
                       std::to_string(strange.height) + " x " + std::to_string(strange.width) + " numbers, those of " +
                       set.title + " " + std::to_string(images.test.channels) + " x " +
                       std::to_string(images.test.height) + " x " + std::to_string(images.test.width) +
                       ". Choose another set, or --other shuffled.");
  Numbers rows(std::min(s.test, strange.count()));
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const nn::DatasetOptions options{.layout = kind.layout, .scaling = nn::channel_standardization(images.train)};
  out.x_other = nn::Dataset(strange, options).batch<float>(rows);
  out.other_title = "test images of " + other.title;
  return out;
}

std::vector<const UncertaintyRun*> UncertaintyStudy::runs_of(Method method) const {
  std::vector<const UncertaintyRun*> out;
  for (const UncertaintyRun& run : runs)
    if (run.method == method) out.push_back(&run);
  return out;
}

Mean UncertaintyStudy::mean(Method method, double (*value)(const UncertaintyRun&)) const {
  std::vector<double> out;
  for (const UncertaintyRun* run : runs_of(method)) out.push_back(value(*run));
  return mean_of(out);
}

Mean UncertaintyStudy::difference(Method method, Method other, double (*value)(const UncertaintyRun&)) const {
  std::vector<double> a, b;
  for (const UncertaintyRun* run : runs_of(method)) a.push_back(value(*run));
  for (const UncertaintyRun* run : runs_of(other)) b.push_back(value(*run));
  return mean_difference(a, b);
}

UncertaintyStudy uncertainty_study(const UncertaintySettings& s, UncertaintyTask task, const nn::TrainAndTest& images,
                                   const ImageSet& set) {
  const Stopwatch watch;
  UncertaintyStudy out{.settings = s, .task = std::move(task)};
  out.judged_for_variances = std::min(tried_on, out.task.images.y_test.size());
  const double seeds = static_cast<double>(s.seeds), members = static_cast<double>(s.ensemble);
  Progress bar(seeds * (members + static_cast<double>(methods().size())));
  for (std::size_t seed = 0; seed < s.seeds; ++seed) {
    const ImageTask all =
        make_image_task(set, images, network_kind(s.network).layout, s.n + s.held_out, s.test, s.seed + seed);
    const Part training(all, 0, s.n), held_out(all, s.n, all.y.size());
    const Judged judged{all.x_test, out.task.x_other, training.y, all.y_test, held_out.x, held_out.y};
    bar.step("networks", members, members, "networks");
    std::vector<nn::Parameters<float>> ensemble;
    const Stopwatch begin;
    for (std::size_t i = 0; i < s.ensemble; ++i) {
      ensemble.push_back(train(s, out.task, training, s.seed + seed * s.ensemble + i));
      bar.update(static_cast<double>(i + 1));
    }
    out.training_seconds += begin.seconds() / (seeds * members);
    const nn::ModuleBase& net = *out.task.net;
    const nn::Parameters<float>& first = ensemble.front();
    const auto judge = [&](Method method) {
      if (method == Method::network) return judge_by_network(net, first, judged);
      if (method == Method::ensemble) return judge_by_ensemble(net, ensemble, judged);
      if (method == Method::temperature) return judge_by_temperature(net, first, judged);
      if (is_laplace(method))
        return judge_by_laplace(method, net, first, training.x, judged,
                                seed || method == Method::laplace_held_out ? nullptr : &out.tried);
      const NetworkKernel kernel(method, net,
                                 method == Method::gp_initial ? net.init<float>(s.seed + seed * s.ensemble) : first);
      return judge_by_process(kernel, training.x, all.classes, judged);
    };
    bar.step("methods", static_cast<double>(methods().size()), static_cast<double>(methods().size()), "methods");
    for (std::size_t i = 0; i < methods().size(); ++i) {
      UncertaintyRun run{.seed = seed, .method = methods()[i].method, .judgement = judge(methods()[i].method)};
      const Judgement& j = run.judgement;
      run.fitness = fitness(j.test, all.y_test);
      run.auroc = area_under_curve(j.test.by_confidence(), j.other.by_confidence());
      run.auroc_uncertainty = j.test.uncertainty.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                         : area_under_curve(j.test.uncertainty, j.other.uncertainty);
      out.runs.push_back(std::move(run));
      bar.update(static_cast<double>(i + 1));
      end_if_interrupted();
    }
  }
  bar.finish();
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
