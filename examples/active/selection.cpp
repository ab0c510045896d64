#include "examples/active/selection.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/kernels/random.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::examples {
namespace {

// What is free differs from run to run. A budget decides how sums are cut, and so the last bits, which decide between
// images that are as good as each other.
const ntk::Options budget = {.memory = std::size_t{2} << 30};

Numbers random(const Standing& at, std::size_t count) {
  Numbers order = kernels::permutation(at.seed, 1, at.candidates.size());
  order.resize(count);
  return order;
}

// The positions of the `count` smallest values, equal ones as they come.
Numbers smallest(const std::vector<double>& values, std::size_t count) {
  Numbers order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  order.resize(count);
  return order;
}

// Calls f with the outputs of the network for each candidate, sorted from the largest on.
template <class F>
std::vector<double> of_sorted_outputs(const Standing& at, const F& f) {
  const Array<float> outputs = nn::predict(*at.task.net, at.params, at.task.x.rows_at(at.candidates));
  std::vector<double> values;
  for (std::size_t i = 0; i < at.candidates.size(); ++i) {
    const float* row = outputs.data() + i * at.task.classes;
    std::vector<double> sorted(row, row + at.task.classes);
    std::sort(sorted.rbegin(), sorted.rend());
    values.push_back(f(sorted));
  }
  return values;
}

Numbers margin(const Standing& at, std::size_t count) {
  const auto gap = [](const std::vector<double>& sorted) { return sorted[0] - sorted[1]; };
  return smallest(of_sorted_outputs(at, gap), count);
}

// Outputs that were trained by squared error estimate probabilities; those that are none are cut off.
Numbers entropy(const Standing& at, std::size_t count) {
  const auto certainty = [](const std::vector<double>& sorted) {
    double sum = 0, logs = 0;
    for (const double f : sorted) {
      const double p = std::clamp(f, 1e-6, 1.0);
      sum += p;
      logs += p * std::log(p);
    }
    return logs / sum - std::log(sum);
  };
  return smallest(of_sorted_outputs(at, certainty), count);
}

Numbers ahead(const Standing& at, std::size_t count) {
  ntk::LookAhead points = look_ahead(at, kernels_of(at));
  return choose_ahead(points, count);
}

}  // namespace

const std::vector<Selection>& selections() {
  static const std::vector<Selection> all = {{"random", "random", random},
                                             {"margin", "margin", margin},
                                             {"entropy", "entropy", entropy},
                                             {"look-ahead", "look-ahead", ahead}};
  return all;
}

StandingKernels kernels_of(const Standing& at) {
  const Array<float> x = at.task.x.rows_at(at.labelled), x_new = at.task.x.rows_at(at.candidates);
  return {ntk::pntk(*at.task.net, at.params, x, budget), ntk::pntk(*at.task.net, at.params, x_new, x, budget),
          ntk::pntk(*at.task.net, at.params, x_new, budget)};
}

ntk::LookAhead look_ahead(const Standing& at, const StandingKernels& kernels) {
  Numbers labels;
  for (const std::size_t i : at.labelled) labels.push_back(at.task.y[i]);
  const ntk::Regression<double> regression(kernels.labelled, {.ridge = at.settings.ridge});
  const auto outputs = [&](const Numbers& images) {
    return nn::predict(*at.task.net, at.params, at.task.x.rows_at(images));
  };
  return {regression,           kernels.cross,         kernels.candidates, nn::one_hot<float>(labels, at.task.classes),
          outputs(at.labelled), outputs(at.candidates)};
}

Array<double> likely_targets(const Array<double>& outputs) {
  const Numbers labels = nn::argmax(outputs);
  Array<double> out = Array<double>::zeros(outputs.shape());
  for (std::size_t i = 0; i < labels.size(); ++i) out.mutable_data()[i * outputs.shape()[1] + labels[i]] = 1;
  return out;
}

Numbers choose_ahead(ntk::LookAhead& points, std::size_t count) {
  Numbers out;
  while (out.size() < count) {
    const Array<double> targets = likely_targets(points.outputs());
    std::vector<double> changes = points.changes(targets);
    for (const std::size_t u : out) changes[u] = -1;
    const std::size_t best =
        static_cast<std::size_t>(std::max_element(changes.begin(), changes.end()) - changes.begin());
    points.add(best, targets.rows(best, best + 1).reshaped({targets.shape()[1]}));
    out.push_back(best);
  }
  return out;
}

}  // namespace xtangent::examples
