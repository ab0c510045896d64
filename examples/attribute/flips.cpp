#include "examples/attribute/flips.hpp"

#include <algorithm>
#include <cmath>

#include "autodiff/kernels/random.hpp"
#include "examples/attribute/training.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/attribution.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::examples {
namespace {

// Streams of random numbers of a seed.
enum Stream : std::uint64_t { which_labels = 2001, which_class, random_order };

std::vector<double> found_by(const std::vector<double>& values, const std::vector<bool>& flipped) {
  std::vector<double> out;
  const auto all = static_cast<double>(std::count(flipped.begin(), flipped.end(), true));
  double found = 0;
  for (const std::size_t i : descending(values)) {
    found += flipped[i] ? 1 : 0;
    out.push_back(found / all);
  }
  return out;
}

FlipRun rank(const Task& task, const AttributeSettings& s, std::uint64_t seed, FlippedLabels labels,
             const nn::Parameters<float>& params) {
  FlipRun out{.seed = seed};
  const std::size_t n = task.y.size();
  const Array<float> outputs = nn::predict(*task.net, params, task.x);
  const Array<double> margins = ntk::Doubles(ntk::margins(outputs, labels.given));
  const Array<double> misses = ntk::Doubles(ntk::misses(outputs, labels.given));
  const ntk::Attribution<double> attribution(ntk::kernel(*task.net, params, task.x, ntk::readout::margin(labels.given)),
                                             {.ridge = s.ridge});
  const Array<double> own = attribution.self_influence(misses);
  out.self_influence.assign(own.data(), own.data() + n);
  // -log p from the margin log p / (1 - p), exact at both ends
  for (std::size_t i = 0; i < n; ++i)
    out.loss.push_back(std::max(0.0, -margins[i]) + std::log1p(std::exp(-std::abs(margins[i]))));
  out.random.resize(n);
  kernels::fill_uniform(seed, random_order, 0, 1, n, out.random.data());
  const std::vector<std::size_t> found = nn::argmax(outputs);
  double count = 0;
  for (std::size_t i = 0; i < n; ++i)
    if (labels.flipped[i]) {
      count += 1;
      out.fitted += found[i] == labels.given[i] ? 1 : 0;
    }
  out.fitted /= count;
  out.labels = std::move(labels);
  return out;
}

}  // namespace

FlippedLabels flip(const ntk::Labels& y, std::size_t classes, double share, std::uint64_t seed) {
  FlippedLabels out{.given = y, .flipped = std::vector<bool>(y.size())};
  const double count = std::max(1.0, std::round(share * static_cast<double>(y.size())));
  const std::vector<std::size_t> order = kernels::permutation(seed, which_labels, y.size());
  for (std::size_t i = 0; i < std::min(y.size(), static_cast<std::size_t>(count)); ++i) {
    const std::size_t other = 1 + kernels::philox(seed, which_class, i)[0] % (classes - 1);
    out.given[order[i]] = (y[order[i]] + other) % classes;
    out.flipped[order[i]] = true;
  }
  return out;
}

std::vector<double> Ranking::found_in(double part) const {
  std::vector<double> out;
  for (const std::vector<double>& curve : found) {
    const auto count = static_cast<std::size_t>(std::round(part * static_cast<double>(curve.size())));
    out.push_back(count == 0 ? 0.0 : curve[std::min(count, curve.size()) - 1]);
  }
  return out;
}

FlipStudy study_flips(const Task& task, const AttributeSettings& s, std::size_t epochs,
                      const std::function<void()>& done) {
  FlipStudy out{.epochs = epochs};
  std::vector<FlippedLabels> labels;
  std::vector<Lesson> lessons;
  for (std::size_t i = 0; i < s.flip_seeds; ++i) {
    labels.push_back(flip(task.y, task.train.classes, s.flipped, s.seed + i));
    lessons.push_back(whole_lesson(task, labels.back().given, s.seed + i));
  }
  const std::vector<nn::Parameters<float>> networks = train_networks(task, s, epochs, lessons, done);
  out.rankings = {{"self-influence", {}}, {"loss", {}}, {"random order", {}}};
  for (std::size_t i = 0; i < s.flip_seeds; ++i) {
    out.runs.push_back(rank(task, s, lessons[i].seed, std::move(labels[i]), networks[i]));
    const FlipRun& run = out.runs.back();
    std::size_t k = 0;
    for (const std::vector<double>* values : {&run.self_influence, &run.loss, &run.random})
      out.rankings[k++].found.push_back(found_by(*values, run.labels.flipped));
    done();
  }
  return out;
}

}  // namespace xtangent::examples
