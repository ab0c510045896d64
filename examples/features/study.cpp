#include "examples/features/study.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/statistics.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/features/computation.hpp"
#include "nn/data/images.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/compare.hpp"
#include "ntk/feature_regression.hpp"
#include "ntk/regression.hpp"

namespace xtangent::examples {
namespace {

constexpr ntk::FeatureSplit splits[] = {ntk::FeatureSplit::pooled, ntk::FeatureSplit::equal, ntk::FeatureSplit::size,
                                        ntk::FeatureSplit::trace};

// Over the rows that fit, where it is a number.
Mean mean_over(const FeatureStudy& study, double Comparison::*value,
               const std::function<bool(const Comparison&)>& fits) {
  std::vector<double> values;
  for (const Comparison& row : study.rows)
    if (fits(row) && std::isfinite(row.*value)) values.push_back(row.*value);
  return mean_of(values);
}

std::vector<std::size_t> numbers_in(const FeatureStudy& study, std::size_t Comparison::*value) {
  std::vector<std::size_t> out;
  for (const Comparison& row : study.rows)
    if (std::find(out.begin(), out.end(), row.*value) == out.end()) out.push_back(row.*value);
  std::sort(out.begin(), out.end());
  return out;
}

Mean of_split(const FeatureStudy& study, double Comparison::*value, std::size_t k, ntk::FeatureSplit split) {
  return mean_over(study, value, [&](const Comparison& r) { return r.k == k && r.anchors == 0 && r.split == split; });
}

Mean of_anchors(const FeatureStudy& study, double Comparison::*value, std::size_t k, std::size_t anchors) {
  return mean_over(study, value, [&](const Comparison& r) {
    return r.k == k && r.anchors == anchors && r.split == ntk::FeatureSplit::pooled;
  });
}

// "0.0108 ± 0.0007": the mean over the seeds to three digits, and the standard deviation with as many decimals.
std::string with_deviation(const Mean& mean) {
  if (mean.count < 2) return significant(mean.value);
  const double leading = mean.value > 0 ? std::floor(std::log10(mean.value)) : 0;
  const int decimals = std::max(0, 2 - static_cast<int>(leading));
  return fixed(mean.value, decimals) + " ± " + fixed(mean.deviation, decimals);
}

}  // namespace

FeatureStudy study_features(const FeatureSettings& s, const Work<float>& work) {
  if (work.tests() == 0 || work.train_labels.empty() || work.test_labels.empty())
    throw option_error(
        "[features] a study needs test examples and labels. Give --test, or --test-inputs, --labels and "
        "--test-labels.");
  const ntk::Readout r = training_readout(s, work), r_new = test_readout(s, work);
  const ntk::Doubles f0 = nn::predict(*work.net, work.params, work.train),
                     f0_new = nn::predict(*work.net, work.params, work.test);
  const Array<double> y = nn::one_hot<double>(work.train_labels, f0.shape()[1]);
  const ntk::Options options = options_of(s.work, work);
  FeatureStudy out{.title = s.work.files.given() ? s.work.title() : s.work.title() + ", " + s.work.data,
                   .train = work.train.shape()[0],
                   .test = work.tests(),
                   .parameters = work.params.size()};
  const Stopwatch watch;
  const Array<double> k = ntk::kernel(*work.net, work.params, work.train, r, options);
  const Array<double> k_new = ntk::kernel(*work.net, work.params, work.test, work.train,
                                          r.common() ? r : ntk::readout::between(r_new, r), options);
  out.seconds = watch.seconds();
  if (k.shape()[0] != out.train)
    throw option_error("[features] a study needs one row for each example. Choose a readout of one column.");
  const Array<double> exact = ntk::Regression<double>(k, {.ridge = s.ridge}).predict(k_new, y, f0, f0_new);
  out.accuracy = nn::accuracy(exact, work.test_labels);

  const auto compare = [&](std::size_t count, std::size_t anchors, ntk::FeatureSplit split, std::uint64_t seed) {
    ntk::FeatureOptions o = feature_options(s, work);
    o.k = count;
    o.anchors = anchors;
    o.split = split;
    o.seed = seed;
    const Stopwatch of_features;
    const auto basis = ntk::feature_basis(*work.net, work.params, work.train, r, o);
    const Array<float> phi = ntk::features(*work.net, work.params, work.train, r, basis),
                       phi_new = ntk::features(*work.net, work.params, work.test, r_new, basis);
    Comparison row{.k = count, .anchors = anchors, .split = split, .seed = seed, .seconds = of_features.seconds()};
    row.frobenius = ntk::relative_difference(ntk::feature_kernel(phi), k);
    row.predictions = row.accuracy = std::numeric_limits<double>::quiet_NaN();
    try {
      const Array<double> f = ntk::FeatureRegression(phi, {.ridge = s.ridge}).predict(phi_new, y, f0, f0_new);
      row.predictions = ntk::relative_difference(f, exact);
      row.accuracy = nn::accuracy(f, work.test_labels);
    } catch (const numerical_error&) {  // features that depend on each other, and no ridge
    }
    out.rows.push_back(row);
    std::printf("k %zu, %zu anchors, %s, seed %llu: %s of the kernel, %s of predictions\n", count, anchors,
                ntk::name(split), static_cast<unsigned long long>(seed), significant(row.frobenius).c_str(),
                significant(row.predictions).c_str());
    std::fflush(stdout);
  };
  for (const std::size_t count : s.study) {
    for (std::size_t seed = 0; seed < s.repeats; ++seed) {
      for (const ntk::FeatureSplit split : splits) compare(count, 0, split, s.work.seed + seed);
      for (const std::size_t m : s.study_anchors)
        if (2 * m <= out.train) compare(count, m, ntk::FeatureSplit::pooled, s.work.seed + seed);
    }
  }
  return out;
}

std::string csv(const FeatureStudy& study) {
  std::string out = "k,anchors,split,seed,frobenius,predictions,accuracy,seconds\n";
  for (const Comparison& r : study.rows) {
    char line[256];
    std::snprintf(line, sizeof line, "%zu,%zu,%s,%llu,%.6g,%.6g,%.6g,%.4g\n", r.k, r.anchors, ntk::name(r.split),
                  static_cast<unsigned long long>(r.seed), r.frobenius, r.predictions, r.accuracy, r.seconds);
    out += line;
  }
  return out;
}

std::string summary(const FeatureStudy& study) {
  std::set<std::uint64_t> different;
  for (const Comparison& row : study.rows) different.insert(row.seed);
  const std::size_t seeds = different.size();
  std::string out =
      study.title + ": " + grouped(static_cast<double>(study.parameters)) + " parameters, " +
      grouped(static_cast<double>(study.train)) + " + " + grouped(static_cast<double>(study.test)) +
      " examples\nexact kernel: " + seconds(study.seconds) + ", accuracy " + percent(study.accuracy) +
      "\n\nRelative error of the kernel, that of the predictions of its regression, and their accuracy" +
      (seeds > 1 ? "\n(mean and standard deviation over " + std::to_string(seeds) + " seeds of the signs):\n" : ":\n");
  const auto line = [&](const std::string& name, const std::function<Mean(double Comparison::*)>& of) {
    const Mean predictions = of(&Comparison::predictions);
    out.append("    ").append(name).append(": ").append(with_deviation(of(&Comparison::frobenius)));
    if (predictions.count > 0)
      out.append(", ")
          .append(with_deviation(predictions))
          .append(", ")
          .append(percent(of(&Comparison::accuracy).value));
    out.append("\n");
  };
  for (const std::size_t k : numbers_in(study, &Comparison::k)) {
    out.append("  k = ").append(grouped(static_cast<double>(k))).append("\n");
    for (const ntk::FeatureSplit split : splits)
      line(ntk::name(split), [&](double Comparison::*value) { return of_split(study, value, k, split); });
    for (const std::size_t m : numbers_in(study, &Comparison::anchors))
      if (m > 0)
        line(std::to_string(m) + " anchors", [&](double Comparison::*value) { return of_anchors(study, value, k, m); });
  }
  return out;
}

std::string figure(const FeatureStudy& study) {
  const std::string colors[] = {"#1f5fbf", "#c0392b", "#2c8a4b", "#b8860b", "#6b4fa0"};
  const std::vector<std::size_t> counts = numbers_in(study, &Comparison::k),
                                 anchors = numbers_in(study, &Comparison::anchors);
  std::vector<double> ticks(counts.begin(), counts.end());
  std::vector<Panel> panels;
  const auto points = [&](const std::function<double(std::size_t)>& value) {
    std::vector<std::pair<double, double>> out;
    for (const std::size_t k : counts)
      if (const double v = value(k); std::isfinite(v) && v > 0) out.emplace_back(static_cast<double>(k), v);
    return out;
  };
  const std::pair<double Comparison::*, const char*> values[] = {{&Comparison::frobenius, "error of the kernel"},
                                                                 {&Comparison::predictions, "error of predictions"}};
  for (const auto& [value, label] : values) {
    Panel by_anchors{.title = "all in one pool, with anchors", .x_label = "k", .y_label = label, .series = {}};
    Panel by_split{.title = "k divided among the arrays", .x_label = "k", .y_label = label, .series = {}};
    for (std::size_t i = 0; i < anchors.size(); ++i)
      by_anchors.series.push_back(
          {.title = anchors[i] ? std::to_string(anchors[i]) + " anchors" : std::string("none"),
           .points = points([&, v = value](std::size_t k) { return of_anchors(study, v, k, anchors[i]).value; }),
           .color = colors[i % 5]});
    for (std::size_t i = 0; i < 4; ++i)
      by_split.series.push_back(
          {.title = ntk::name(splits[i]),
           .points = points([&, v = value](std::size_t k) { return of_split(study, v, k, splits[i]).value; }),
           .color = colors[i]});
    for (Panel* panel : {&by_anchors, &by_split}) {
      std::erase_if(panel->series, [](const Series& one) { return one.points.empty(); });
      panel->x_ticks = ticks;
      panel->log_x = panel->log_y = true;
      if (!panel->series.empty()) panels.push_back(*panel);
    }
  }
  return draw(panels, 400, 330, 2);
}

}  // namespace xtangent::examples
