#include "examples/search/experiment.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "examples/common/in_parallel.hpp"
#include "examples/common/statistics.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/training/fit.hpp"
#include "ntk/compare.hpp"
#include "ntk/evidence.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::examples {
namespace {

constexpr double ridges[] = {1e-4, 1e-3, 1e-2, 1e-1, 1};  // in units of the mean of the kernel's diagonal

// The images from which scores are. All classes are equally often among them, as they take turns in the task.
struct Batch {
  Array<float> x;
  Numbers y;
  Array<double> targets;  // (N, O): 1 - 1/O at the label, else -1/O
  Array<double> labels;   // (N, N): 1 between images of one class

  Batch(const ImageTask& task, std::size_t count)
      : x(task.x.rows(0, count)),
        y(task.y.begin(), task.y.begin() + static_cast<long>(count)),
        targets((Var<double>(nn::one_hot<double>(y, task.classes)) - 1 / static_cast<double>(task.classes)).value()),
        labels(same_class(y, task.classes)) {}
};

// Calls f and adds the time that it takes.
template <class F>
auto timed(double& seconds, const F& f) {
  const Stopwatch watch;
  auto out = f();
  seconds += watch.seconds();
  return out;
}

InitialScores scores_of(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Batch& batch) {
  InitialScores out;
  InitialScores::Seconds& seconds = out.seconds;
  const Array<double> k = timed(seconds.kernel, [&] { return ntk::pntk(net, params, batch.x); });
  const Array<double> f0 = ntk::Doubles(nn::predict(net, params, batch.x));
  out.condition = timed(seconds.condition, [&] { return ntk::condition_number(ntk::eigenvalues(k)); });
  out.alignment = timed(seconds.alignment, [&] { return ntk::centered_alignment(k, batch.labels); });
  out.generalization = std::numeric_limits<double>::infinity();
  for (const double ridge : ridges) {
    const double value = timed(seconds.generalization, [&] {
      return ntk::Regression<double>(k, {.ridge = ridge}).generalized_cross_validation(batch.targets, f0);
    });
    if (value < out.generalization) out.generalization = value, out.ridge = ridge;
  }
  out.leave_one_out = timed(seconds.leave_one_out, [&] {
    return nn::accuracy(ntk::Regression<double>(k, {.ridge = out.ridge}).leave_one_out(batch.targets, f0), batch.y);
  });
  seconds.leave_one_out += seconds.generalization;  // which has found the ridge
  out.evidence = timed(seconds.evidence, [&] {
    return ntk::most_likely_prior(k, (Var<double>(batch.targets) - Var<double>(f0)).value()).log_evidence;
  });
  return out;
}

void train(const SearchSettings& s, const ImageTask& task, const nn::ModuleBase& net, SearchRun& run) {
  const Stopwatch watch;
  const std::uint64_t seed = s.seed + run.seed;
  nn::FitOptions<float> options;
  options.epochs = s.epochs;
  options.batch = s.batch_size;
  options.optimizer = nn::adam({.rate = s.learning_rate});
  options.schedule = nn::schedule::cosine();
  options.seed = seed;
  try {
    const auto params = nn::fit(net, net.init<float>(seed), task.x, task.y, std::move(options)).params;
    run.seconds = watch.seconds();
    run.accuracy = nn::accuracy(net, params, task.x_test, task.y_test);
  } catch (const numerical_error&) {
    run.seconds = watch.seconds();
    run.accuracy = 1 / static_cast<double>(task.classes);
    run.diverged = true;
  }
}

std::vector<Candidate> candidates_of(const SearchSettings& s, const ImageTask& task) {
  check_networks(s);
  const std::vector<Architecture> space = search_space();
  Numbers chosen = nn::shuffled_indices(space.size(), s.seed);
  if (s.networks) chosen.resize(s.networks);
  std::sort(chosen.begin(), chosen.end());
  std::vector<Candidate> out;
  for (const std::size_t i : chosen) {
    const nn::AnyModule net = make_network(space[i], task.images);
    const nn::Summary summary = net->summary(nn::shape_of(task.images, 1, nn::ImageLayout::planes).slice(1, 4));
    out.push_back({space[i], net, summary.parameters, summary.flop});
  }
  return out;
}

// Calls f for all runs, each on one thread, those of the largest networks first, and shows how far it has come.
void for_each_run(SearchStudy& study, Progress& bar, const std::function<void(SearchRun&)>& f) {
  std::vector<double> work;
  for (const SearchRun& run : study.runs) work.push_back(study.candidates[run.candidate].flop);
  const Numbers order = descending(work);
  in_parallel(order.size(), bar, [&](std::size_t i) {
    // So that seconds are those of one core, and LAPACK has the bits of one thread.
    kernels::with_threads(1, [&] { f(study.runs[order[i]]); });
  });
}

void rank_runs(SearchStudy& study) {
  const std::size_t count = study.candidates.size();
  for (std::size_t first = 0; first < study.runs.size(); first += count) {
    const auto add = [&](const auto& goodness, std::initializer_list<double SearchRun::*> sums) {
      std::vector<double> values;
      for (std::size_t i = 0; i < count; ++i) values.push_back(goodness(study.runs[first + i]));
      const std::vector<double> ranked = ranks(values);
      for (std::size_t i = 0; i < count; ++i)
        for (const auto sum : sums) study.runs[first + i].*sum += ranked[i];
    };
    constexpr auto plain = &SearchRun::rank_sum, informed = &SearchRun::rank_sum_with_parameters;
    add([](const SearchRun& run) { return -run.scores.condition; }, {plain, informed});
    add([](const SearchRun& run) { return run.scores.alignment; }, {plain, informed});
    add([](const SearchRun& run) { return -run.scores.generalization; }, {plain});
    add([&](const SearchRun& run) { return static_cast<double>(study.candidates[run.candidate].parameters); },
        {informed});
  }
}

}  // namespace

double SearchStudy::accuracy(std::size_t candidate) const {
  const double images = static_cast<double>(task.y_test.size());
  double correct = 0;  // whole numbers, so that equal accuracies are equal to the bit
  for (std::size_t seed = 0; seed < settings.seeds; ++seed)
    correct += std::round(images * run(candidate, seed).accuracy);
  return correct / (images * static_cast<double>(settings.seeds));
}

void check_networks(const SearchSettings& s) {
  const std::size_t all = search_space().size();
  if (s.networks > all)
    throw option_error("[search] " + std::to_string(s.networks) + " networks. There are " + std::to_string(all) + ".");
  if (s.networks == 1) throw option_error("[search] one network. To rank takes at least two; 0 are all.");
}

SearchStudy search_study(const SearchSettings& s, ImageTask task) {
  const Stopwatch watch;
  SearchStudy out{.settings = s, .task = std::move(task)};
  out.candidates = candidates_of(s, out.task);
  for (std::size_t seed = 0; seed < s.seeds; ++seed)
    for (std::size_t i = 0; i < out.candidates.size(); ++i) out.runs.push_back({.candidate = i, .seed = seed});
  const Batch batch(out.task, out.scored());
  const double all = static_cast<double>(out.runs.size());
  Progress bar(20 * all);
  bar.step("scores", all, all, "networks");
  for_each_run(out, bar, [&](SearchRun& run) {
    const nn::ModuleBase& net = *out.candidates[run.candidate].net;
    run.scores = scores_of(net, net.init<float>(s.seed + run.seed), batch);
  });
  bar.step("training", 19 * all, all, "networks");
  for_each_run(out, bar, [&](SearchRun& run) { train(s, out.task, *out.candidates[run.candidate].net, run); });
  bar.finish();
  rank_runs(out);
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
