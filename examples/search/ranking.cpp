#include "examples/search/ranking.hpp"

#include <algorithm>

namespace xtangent::examples {
namespace {

// The candidates of a family.
Numbers members(const SearchStudy& study, std::optional<Family> family) {
  Numbers out;
  for (std::size_t i = 0; i < study.candidates.size(); ++i)
    if (!family || study.candidates[i].architecture.family == *family) out.push_back(i);
  return out;
}

std::vector<double> goodness(const SearchStudy& study, const Score& score, const Numbers& candidates,
                             std::size_t seed) {
  std::vector<double> out;
  for (const std::size_t i : candidates) out.push_back(score.goodness(study, study.run(i, seed)));
  return out;
}

// The ranks by a score, averaged over the seeds.
std::vector<double> mean_ranks(const SearchStudy& study, const Score& score, const Numbers& candidates) {
  std::vector<double> out(candidates.size());
  for (std::size_t seed = 0; seed < study.settings.seeds; ++seed) {
    const std::vector<double> one = ranks(goodness(study, score, candidates, seed));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += one[i];
  }
  return out;
}

std::vector<double> accuracies(const SearchStudy& study, const Numbers& candidates) {
  std::vector<double> out;
  for (const std::size_t i : candidates) out.push_back(study.accuracy(i));
  return out;
}

std::vector<double> accuracies(const SearchStudy& study, const Numbers& candidates, std::size_t seed) {
  std::vector<double> out;
  for (const std::size_t i : candidates) out.push_back(study.run(i, seed).accuracy);
  return out;
}

std::vector<double> chosen(const std::vector<double>& values, const Numbers& which) {
  std::vector<double> out;
  for (const std::size_t i : which) out.push_back(values[i]);
  return out;
}

template <class Value>
double mean_over_runs(const SearchStudy& study, const Value& value) {
  std::vector<double> out;
  for (const SearchRun& run : study.runs) out.push_back(value(run));
  return mean_of(out).value;
}

}  // namespace

const std::vector<Score>& scores() {
  using Study = const SearchStudy&;
  using Run = const SearchRun&;
  using Seconds = const InitialScores::Seconds&;
  static const std::vector<Score> all = {
      {"condition", "the condition number", [](Study, Run run) { return -run.scores.condition; },
       [](Seconds s) { return s.condition; }},
      {"alignment", "the alignment", [](Study, Run run) { return run.scores.alignment; },
       [](Seconds s) { return s.alignment; }},
      {"generalization", "generalized cross-validation", [](Study, Run run) { return -run.scores.generalization; },
       [](Seconds s) { return s.generalization; }},
      {"leave_one_out", "the leave-one-out accuracy", [](Study, Run run) { return run.scores.leave_one_out; },
       [](Seconds s) { return s.leave_one_out; }},
      {"evidence", "the evidence", [](Study, Run run) { return run.scores.evidence; },
       [](Seconds s) { return s.evidence; }},
      {"rank_sum", "the first three together", [](Study, Run run) { return run.rank_sum; },
       [](Seconds s) { return s.condition + s.alignment + s.generalization; }},
      {"rank_sum_with_parameters", "the first two with the parameters",
       [](Study, Run run) { return run.rank_sum_with_parameters; },
       [](Seconds s) { return s.condition + s.alignment; }},
      {"parameters", "the number of parameters",
       [](Study study, Run run) { return static_cast<double>(study.candidates[run.candidate].parameters); }, nullptr},
      {"flop", "the number of FLOP", [](Study study, Run run) { return study.candidates[run.candidate].flop; },
       nullptr},
      {"depth", "the depth",
       [](Study study, Run run) { return static_cast<double>(study.candidates[run.candidate].architecture.depth); },
       nullptr}};
  return all;
}

const Score& parameter_count() {
  return *std::find_if(scores().begin(), scores().end(), [](const Score& s) { return s.id == "parameters"; });
}

Ranking ranking(const SearchStudy& study, const Score& score, std::optional<Family> family) {
  const Numbers candidates = members(study, family);
  const std::vector<double> score_ranks = mean_ranks(study, score, candidates),
                            accuracy = accuracies(study, candidates);
  Ranking out{.tau = kendall_tau(score_ranks, accuracy)};
  out.interval = bootstrap_interval(candidates.size(), study.settings.seed, [&](const Numbers& sample) {
    return kendall_tau(chosen(score_ranks, sample), chosen(accuracy, sample));
  });
  std::vector<double> taus;
  for (std::size_t seed = 0; seed < study.settings.seeds; ++seed)
    taus.push_back(kendall_tau(goodness(study, score, candidates, seed), accuracies(study, candidates, seed)));
  out.seeds = mean_of(taus);
  return out;
}

Advantage advantage(const SearchStudy& study, const Score& score, std::optional<Family> family) {
  const Numbers candidates = members(study, family);
  const std::vector<double> ours = mean_ranks(study, score, candidates),
                            others = mean_ranks(study, parameter_count(), candidates),
                            accuracy = accuracies(study, candidates);
  Advantage out{.difference = kendall_tau(ours, accuracy) - kendall_tau(others, accuracy)};
  out.interval = bootstrap_interval(candidates.size(), study.settings.seed, [&](const Numbers& sample) {
    const std::vector<double> known = chosen(accuracy, sample);
    return kendall_tau(chosen(ours, sample), known) - kendall_tau(chosen(others, sample), known);
  });
  return out;
}

std::optional<double> repeatability(const SearchStudy& study) {
  const Numbers candidates = members(study, {});
  std::vector<double> taus;
  for (std::size_t a = 0; a < study.settings.seeds; ++a)
    for (std::size_t b = 0; b < a; ++b)
      taus.push_back(kendall_tau(accuracies(study, candidates, a), accuracies(study, candidates, b)));
  if (taus.empty()) return {};
  return mean_of(taus).value;
}

Mean choice(const SearchStudy& study, const Score& score) {
  const Numbers candidates = members(study, {});
  const std::vector<double> accuracy = accuracies(study, candidates);
  std::vector<double> out;
  for (std::size_t seed = 0; seed < study.settings.seeds; ++seed) {
    const std::vector<double> values = goodness(study, score, candidates, seed);
    const double highest = *std::max_element(values.begin(), values.end());
    std::vector<double> best;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] == highest) best.push_back(accuracy[i]);
    out.push_back(mean_of(best).value);
  }
  return mean_of(out);
}

double best_accuracy(const SearchStudy& study) {
  const std::vector<double> all = accuracies(study, members(study, {}));
  return *std::max_element(all.begin(), all.end());
}

double mean_accuracy(const SearchStudy& study) { return mean_of(accuracies(study, members(study, {}))).value; }

double mean_seconds(const SearchStudy& study, const Score& score) {
  return mean_over_runs(
      study, [&](const SearchRun& run) { return run.scores.seconds.kernel + score.seconds(run.scores.seconds); });
}

double training_seconds(const SearchStudy& study) {
  return mean_over_runs(study, [](const SearchRun& run) { return run.seconds; });
}

}  // namespace xtangent::examples
