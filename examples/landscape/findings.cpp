#include "examples/landscape/findings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "examples/common/fit.hpp"
#include "examples/common/format.hpp"

namespace xtangent::examples {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double transient = 4;  // epochs in which the source sees most of the change

// Whether a mean lies between two bounds, to two of its standard errors.
Outcome mean_lies_between(const Mean& mean, double least, double greatest) {
  if (mean.count < 2) return Outcome::undecided;
  return lies_between(mean.value - 2 * mean.error, mean.value + 2 * mean.error, least, greatest);
}

std::string points(const Mean& mean) { return with_error(mean, 1, 100) + " %"; }

std::string after(const LandscapeStudy& study, std::size_t t) {
  return study.epochs[t] == 0 ? "before training" : "after " + plural(study.epochs[t], "epoch");
}

std::string part_of(const LandscapeStudy& study, std::size_t t) {
  return percent(static_cast<double>(study.epochs[t]) / static_cast<double>(study.epochs.back()));
}

Claim barrier_claim(const LandscapeStudy& study) {
  const std::size_t last = study.epochs.size() - 1, from = connected_from(study),
                    early = std::min(checkpoint_at(study, 3), last - 1);
  // Where there is no barrier at all, nothing can remove it.
  bool any = false;
  std::size_t highest = 0;
  for (std::size_t t = 0; t < early; ++t) {
    const Mean barrier = study.at(&Checkpoint::barrier, t);
    any |= mean_lies_between(barrier, connected, infinite) == Outcome::held;
    if (barrier.value > study.at(&Checkpoint::barrier, highest).value) highest = t;
  }
  const auto barrier = [&](std::size_t t) { return points(study.at(&Checkpoint::barrier, t)); };
  Claim out{"Within two or three epochs a network is where a line without a barrier joins all that it can become", "",
            "two networks that part before training have a barrier of " + barrier(0) +
                " of the test images between them in the end"};
  if (highest > 0) out.measured += ", those that part " + after(study, highest) + " " + barrier(highest);
  if (early > 0) out.measured += ", and those that part " + after(study, early) + " " + barrier(early);
  out.measured += from == last ? "; it never stays below " + percent(connected)
                               : "; it stays below " + percent(connected) + " for all that part " + after(study, from) +
                                     " or later";
  if (any)
    out.outcome = mean_lies_between(study.at(&Checkpoint::barrier, early), -infinite, connected);
  else
    out.measured += "; no barrier before is surely above that, so that there is nothing to see";
  return out;
}

Claim together_claim(const LandscapeStudy& study) {
  const Mean errors = correlation(study, &Checkpoint::velocity, &Checkpoint::barrier),
             losses = correlation(study, &Checkpoint::velocity, &Checkpoint::loss_barrier);
  return {"The barrier falls as the kernel slows down", "",
          "over the checkpoints, velocity and barrier have a rank correlation of " + with_error(errors, 2) +
              " for the test error and " + with_error(losses, 2) + " for the test loss",
          mean_lies_between(errors, 1e-12, infinite)};
}

Claim learning_claim(const LandscapeStudy& study) {
  const std::size_t t = checkpoint_at(study, transient);
  const std::vector<double> first = study.values(&Checkpoint::kernel, 0), then = study.values(&Checkpoint::kernel, t);
  std::vector<double> ratios;
  for (std::size_t i = 0; i < first.size(); ++i) ratios.push_back((1 - first[i]) / std::max(1e-12, 1 - then[i]));
  const Mean ratio = mean_of(ratios);
  return {"Within three or four epochs the kernel divides the error of the initial kernel by three", "",
          "regression with the kernel reads " + points(study.at(&Checkpoint::kernel, 0)) + " of the test images " +
              after(study, 0) + " and " + points(study.at(&Checkpoint::kernel, t)) + " " + after(study, t) +
              ", which divides the error by " + with_error(ratio, 2),
          mean_lies_between(ratio, 3, infinite)};
}

Claim matching_claim(const LandscapeStudy& study) {
  const std::size_t last = study.epochs.size() - 1,
                    t = checkpoint_at(study, 0.45 * static_cast<double>(study.epochs.back())),
                    reached = kernel_reads(study, study.at(&Checkpoint::accuracy, last).value);
  const Mean beside = mean_difference(study.values(&Checkpoint::kernel, t), study.values(&Checkpoint::accuracy, last));
  std::string measured = "the kernel " + after(study, t) + ", at " + part_of(study, t) + ", reads " +
                         signed_with_error(beside, 1, 100) + " points beside the trained network";
  measured += reached > last ? "; no kernel comes within half a point of it"
                             : "; the first kernel within half a point of it is that " + after(study, reached) +
                                   ", at " + part_of(study, reached);
  return {"By 45 % of the training the kernel reads as many test images as the trained network", "", measured,
          mean_lies_between(beside, -same_accuracy, infinite)};
}

Claim velocity_claim(const LandscapeStudy& study) {
  const std::size_t last = study.epochs.size() - 2;
  const PowerLaw law = later_velocity(study);
  const std::string afterwards = "; after epoch " + std::to_string(static_cast<int>(transient)) +
                                 (std::isnan(law.slope) ? " there are too few checkpoints to say how that goes on"
                                                        : " the velocity goes as the epoch to the power ");
  return {"After the first epochs the kernel changes at a constant velocity", "",
          "it moves by " + with_error(study.at(&Checkpoint::velocity, 0), 3) + " in the first epoch and by " +
              significant(study.at(&Checkpoint::velocity, last).value, 2) + " an epoch from epoch " +
              std::to_string(study.epochs[last]) + " on" + afterwards +
              (std::isnan(law.slope) ? "" : with_interval(law)),
          std::isfinite(law.error) ? lies_between(law.low, law.high, -0.25, 0.25) : Outcome::undecided};
}

Claim readout_claim(const LandscapeStudy& study) {
  const Agreement found = agreement(study);
  return {"The " + kernel_name(study.settings) + " moves as the eNTK does (not of the source)", "",
          "over all pairs of checkpoints, distances of the two on " +
              plural(std::min(study.settings.entk, study.task.y.size()), "image") + " have a rank correlation of " +
              with_error(found.correlation, 3) + ", and those of the " + kernel_name(study.settings) + " are " +
              with_error(found.ratio, 2) + " times as large",
          mean_lies_between(found.correlation, 0.9, infinite)};
}

}  // namespace

std::size_t checkpoint_at(const LandscapeStudy& study, double epoch) {
  std::size_t t = 0;
  while (t + 1 < study.epochs.size() && static_cast<double>(study.epochs[t + 1]) <= epoch) ++t;
  return t;
}

std::size_t connected_from(const LandscapeStudy& study) {
  std::size_t t = study.epochs.size() - 1;
  while (t > 0 && study.at(&Checkpoint::barrier, t - 1).value < connected) --t;
  return t;
}

std::size_t kernel_reads(const LandscapeStudy& study, double accuracy) {
  std::size_t t = 0;
  while (t < study.epochs.size() && study.at(&Checkpoint::kernel, t).value < accuracy - same_accuracy) ++t;
  return t;
}

Mean correlation(const LandscapeStudy& study, double Checkpoint::*a, double Checkpoint::*b) {
  std::vector<double> out;
  for (const LandscapeRun& run : study.runs) {
    std::vector<double> x, y;
    for (std::size_t t = 0; t + 1 < run.checkpoints.size(); ++t) {
      x.push_back(run.checkpoints[t].*a);
      y.push_back(run.checkpoints[t].*b);
    }
    out.push_back(rank_correlation(x, y));
  }
  return mean_of(out);
}

Agreement agreement(const LandscapeStudy& study) {
  std::vector<double> correlations, ratios;
  for (const LandscapeRun& run : study.runs) {
    std::vector<double> kernel, entk;
    for (std::size_t i = 0; i < study.epochs.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        kernel.push_back(run.distances_few(i, j));
        entk.push_back(run.distances_entk(i, j));
      }
    correlations.push_back(rank_correlation(kernel, entk));
    ratios.push_back(std::accumulate(kernel.begin(), kernel.end(), 0.0) /
                     std::accumulate(entk.begin(), entk.end(), 0.0));
  }
  return {mean_of(correlations), mean_of(ratios)};
}

PowerLaw later_velocity(const LandscapeStudy& study) {
  std::vector<std::vector<std::pair<double, double>>> seeds;
  for (const LandscapeRun& run : study.runs) {
    seeds.emplace_back();
    for (std::size_t t = 0; t + 1 < study.epochs.size(); ++t)
      if (const auto epoch = static_cast<double>(study.epochs[t]); epoch >= transient)
        seeds.back().emplace_back((epoch + static_cast<double>(study.epochs[t + 1])) / 2, run.checkpoints[t].velocity);
  }
  return fit_power_law(seeds);
}

std::vector<Claim> landscape_claims(const LandscapeStudy& study) {
  return {learning_claim(study), matching_claim(study), velocity_claim(study),
          barrier_claim(study),  together_claim(study), readout_claim(study)};
}

std::string say_accuracies(const LandscapeStudy& study) {
  const std::size_t last = study.epochs.size() - 1,
                    settled = kernel_reads(study, study.at(&Checkpoint::kernel, last).value);
  const auto read = [&](double Checkpoint::*what, std::size_t t) { return points(study.at(what, t)); };
  return "After " + plural(study.epochs[last], "epoch") + " the network reads " + read(&Checkpoint::accuracy, last) +
         " of the test images, regression with its kernel " + read(&Checkpoint::kernel, last) +
         ", the linearized network " + read(&Checkpoint::linearized, last) +
         " and regression with its last layer alone " + read(&Checkpoint::last_layer, last) +
         ". Before training these are " + read(&Checkpoint::kernel, 0) + ", " + read(&Checkpoint::linearized, 0) +
         " and " + read(&Checkpoint::last_layer, 0) +
         ". The first kernel within half a point of the last one is that " + after(study, settled) + ", at " +
         part_of(study, settled) + ".";
}

}  // namespace xtangent::examples
