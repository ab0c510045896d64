#include "examples/active/experiment.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/random.hpp"
#include "examples/active/selection.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/statistics.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::examples {
namespace {

Numbers labels_of(const ActiveTask& task, const Numbers& images) {
  Numbers out;
  for (const std::size_t i : images) out.push_back(task.y[i]);
  return out;
}

// Images of which some have labels.
struct Pool {
  Numbers labelled, candidates;
  // Gives labels to the candidates at these positions.
  void label(const Numbers& positions) {
    std::vector<bool> taken(candidates.size());
    for (const std::size_t p : positions) {
      labelled.push_back(candidates[p]);
      taken[p] = true;
    }
    Numbers rest;
    for (std::size_t p = 0; p < candidates.size(); ++p)
      if (!taken[p]) rest.push_back(candidates[p]);
    candidates = std::move(rest);
  }
};

Pool first_pool(const ActiveTask& task, std::size_t start, std::uint64_t seed) {
  Pool pool;
  pool.candidates.resize(task.y.size());
  std::iota(pool.candidates.begin(), pool.candidates.end(), std::size_t{0});
  pool.label(nn::balanced_indices(task.images, start, seed));
  return pool;
}

using Done = std::function<void()>;

// A network that asks for labels in one way, from the first images that belong to its seed.
struct Run {
  const Selection& selection;
  std::size_t seed;
  Pool pool;
  nn::Parameters<float> params = {};
};

// All rounds of all selections and seeds. The networks of a round are trained at the same time, since a small network
// keeps no more than one thread busy. The images are chosen one run after the other: regression gives all threads to
// LAPACK, which is no task beside others.
std::vector<ActiveCurve> run_rounds(const ActiveTask& task, const ActiveSettings& s, const Done& done) {
  std::vector<Run> runs;
  std::vector<ActiveCurve> curves;
  for (std::size_t seed = 0; seed < s.seeds; ++seed)
    for (const Selection& selection : selections()) {
      runs.push_back({selection, seed, first_pool(task, s.start, s.seed + seed)});
      curves.push_back({selection.id, seed, {}});
    }
  for (std::size_t round = 0;; ++round) {
    std::vector<double> accuracy(runs.size());
    kernels::parallel_for(runs.size(), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        Run& run = runs[i];
        run.params = train_active(task, s, run.pool.labelled, labels_of(task, run.pool.labelled), s.seed + run.seed);
        accuracy[i] = nn::accuracy(*task.net, run.params, task.x_test, task.y_test);
        done();
      }
    });
    for (std::size_t i = 0; i < runs.size(); ++i) curves[i].accuracy.push_back(accuracy[i]);
    if (round == s.rounds) return curves;
    for (Run& run : runs) {
      const std::uint64_t drawn = (s.seed + run.seed) * 1000003 + round;
      const Standing at{task, s, run.params, run.pool.labelled, run.pool.candidates, drawn};
      run.pool.label(run.selection.choose(at, s.acquire));
    }
  }
}

// A run that has come half of its way by random images, where the look-ahead is compared with training.
struct Halfway {
  Pool pool;
  nn::Parameters<float> params;
  Standing standing(const ActiveTask& task, const ActiveSettings& s) const {
    return {task, s, params, pool.labelled, pool.candidates, 0};
  }
};

Halfway halfway(const ActiveTask& task, const ActiveSettings& s, std::size_t seed) {
  Halfway out{first_pool(task, s.start, s.seed + seed), {}};
  Numbers order = kernels::permutation(s.seed + seed, 2, out.pool.candidates.size());
  order.resize(s.acquire * (s.rounds / 2));
  out.pool.label(order);
  out.params = train_active(task, s, out.pool.labelled, labels_of(task, out.pool.labelled), s.seed + seed);
  return out;
}

// The sum over the candidates of how far the outputs of two networks lie apart.
double distance(const Array<float>& a, const Array<float>& b) {
  const std::size_t outputs = a.shape()[1];
  double sum = 0;
  for (std::size_t i = 0; i < a.shape()[0]; ++i) {
    double squares = 0;
    for (std::size_t o = i * outputs; o < (i + 1) * outputs; ++o)
      squares += (static_cast<double>(a[o]) - b[o]) * (static_cast<double>(a[o]) - b[o]);
    sum += std::sqrt(squares);
  }
  return sum;
}

// Predicted and actual changes for some candidates: the network goes on to train with the candidate's most likely
// label, and beside it without.
std::vector<std::pair<double, double>> foresee(const ActiveTask& task, const ActiveSettings& s, std::size_t seed,
                                               const Done& done) {
  const Halfway half = halfway(task, s, seed);
  const Standing at = half.standing(task, s);
  const ntk::LookAhead points = look_ahead(at, kernels_of(at));
  const Array<double> targets = likely_targets(points.outputs());
  const std::vector<double> predicted = points.changes(targets);
  const Numbers likely = nn::argmax(points.outputs());
  const Array<float> x = task.x.rows_at(half.pool.candidates);
  const auto outputs_after = [&](const Numbers& images, const Numbers& labels) {
    return nn::predict(*task.net, train_active(task, s, images, labels, s.seed + seed, &half.params), x);
  };
  const Array<float> without = outputs_after(half.pool.labelled, labels_of(task, half.pool.labelled));
  Numbers order = kernels::permutation(s.seed + seed, 3, half.pool.candidates.size());
  order.resize(std::min(s.trials, order.size()));
  std::vector<std::pair<double, double>> out(order.size());
  kernels::parallel_for(order.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      Numbers images = half.pool.labelled, labels = labels_of(task, images);
      images.push_back(half.pool.candidates[order[i]]);
      labels.push_back(likely[order[i]]);
      out[i] = {predicted[order[i]], distance(outputs_after(images, labels), without)};
      done();
    }
  });
  return out;
}

// Regression on the labelled images and `count` candidates, and what it predicts for all candidates, from the
// beginning.
void factor_anew(const Standing& at, const StandingKernels& kernels, std::size_t count) {
  const std::size_t labelled = at.labelled.size(), n = labelled + count, points = at.candidates.size();
  Array<double> k({n, n}), cross({points, n});
  const auto entry = [&](std::size_t i, std::size_t j) {
    if (i < labelled && j < labelled) return kernels.labelled(i, j);
    if (i >= labelled && j >= labelled) return kernels.candidates(i - labelled, j - labelled);
    return i < labelled ? kernels.cross(j - labelled, i) : kernels.cross(i - labelled, j);
  };
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) k.mutable_data()[i * n + j] = entry(i, j);
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t j = 0; j < n; ++j) cross.mutable_data()[i * n + j] = entry(labelled + i, j);
  const ntk::Regression<double> regression(std::move(k), {.ridge = at.settings.ridge});
  const Shape targets{n, at.task.classes}, outputs{points, at.task.classes};
  regression.predict(cross, Array<double>::ones(targets), Array<double>::zeros(targets), Array<double>::zeros(outputs));
}

ActiveCosts measure_costs(const ActiveTask& task, const ActiveSettings& s) {
  const Halfway half = halfway(task, s, 0);
  const Standing at = half.standing(task, s);
  ActiveCosts out;
  out.labelled = at.labelled.size(), out.candidates = at.candidates.size();
  const Stopwatch forming;
  const StandingKernels kernels = kernels_of(at);
  out.kernels = forming.seconds();
  const Stopwatch choosing;
  ntk::LookAhead points = look_ahead(at, kernels);
  choose_ahead(points, s.acquire);
  out.bordered = choosing.seconds();
  out.refactorings = std::min<std::size_t>(3, out.candidates);
  const Stopwatch factoring;
  for (std::size_t i = 0; i < out.refactorings; ++i) factor_anew(at, kernels, i + 1);
  const double one = factoring.seconds() / static_cast<double>(out.refactorings);
  out.one_by_one = static_cast<double>(s.acquire * out.candidates) * one;
  return out;
}

}  // namespace

std::vector<double> ActiveStudy::labels() const {
  std::vector<double> out;
  for (std::size_t round = 0; round <= settings.rounds; ++round)
    out.push_back(static_cast<double>(settings.start + round * settings.acquire));
  return out;
}

std::vector<double> ActiveStudy::accuracies(const std::string& selection, std::size_t round) const {
  std::vector<double> out;
  for (const ActiveCurve& curve : curves)
    if (curve.selection == selection) out.push_back(curve.accuracy.at(round));
  return out;
}

std::vector<double> ActiveStudy::mean_accuracies(const std::string& selection) const {
  std::vector<double> out;
  for (const ActiveCurve& curve : curves)
    if (curve.selection == selection)
      out.push_back(std::accumulate(curve.accuracy.begin() + 1, curve.accuracy.end(), 0.0) /
                    static_cast<double>(settings.rounds));
  return out;
}

ActiveStudy active_study(const ActiveSettings& s, ActiveTask task) {
  const Stopwatch watch;
  ActiveStudy out{.settings = s, .task = std::move(task)};
  out.parameters = out.task.net->init<float>().size();
  const std::size_t ways = selections().size(), rounds = s.seeds * ways * (s.rounds + 1), trials = s.seeds * s.trials;
  Progress bar(static_cast<double>(rounds + trials));
  std::mutex one;
  std::size_t count = 0;
  const Done done = [&] {
    const std::lock_guard lock(one);
    bar.update(static_cast<double>(++count));
  };
  bar.step("training round by round", static_cast<double>(rounds), static_cast<double>(rounds), "networks");
  out.curves = run_rounds(out.task, s, done);
  bar.step("comparing the look-ahead with training", static_cast<double>(trials), static_cast<double>(trials),
           "networks");
  count = 0;
  std::vector<std::vector<std::pair<double, double>>> tried(s.seeds);
  const Stopwatch training;
  for (std::size_t seed = 0; seed < s.seeds; ++seed) tried[seed] = foresee(out.task, s, seed, done);
  const double trained = training.seconds();
  bar.finish();
  for (const auto& pairs : tried) {
    std::vector<double> predicted, actual;
    for (const auto& [a, b] : pairs) {
      predicted.push_back(a);
      actual.push_back(b);
    }
    out.foresight.correlations.push_back(rank_correlation(predicted, actual));
  }
  out.foresight.examples = tried.front();
  out.costs = measure_costs(out.task, s);
  for (const auto& pairs : tried) out.costs.trainings += pairs.size();
  out.costs.retrained =
      trained / static_cast<double>(out.costs.trainings) * static_cast<double>(out.costs.candidates * s.acquire);
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
