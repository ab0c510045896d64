#include "examples/attribute/sentences.hpp"

#include <algorithm>
#include <cmath>

#include "examples/attribute/figures.hpp"
#include "examples/common/format.hpp"

namespace xtangent::examples {
namespace {

std::string signed_fixed(double value, int decimals) {
  return (value < 0 ? "−" : "+") + fixed(std::abs(value), decimals);
}

// "In the first 10 % of the images self-influence finds more of them than the loss: 71.2 % against 66.0 %"
std::string comparison(const FlipStudy& flips, double part) {
  const std::vector<double> own = flips.rankings[0].found_in(part), loss = flips.rankings[1].found_in(part);
  const Mean difference = mean_difference(own, loss);
  const Verdict verdict = compare(own, loss);
  std::string text = "In the first " + significant(100 * part, 2) + " % of the images ";
  if (verdict == Verdict::more)
    text += "self-influence finds more of them than the loss: ";
  else if (verdict == Verdict::fewer)
    text += "self-influence finds fewer of them than the loss: ";
  else if (own.size() == 1)
    text += "a single seed decides nothing between self-influence and the loss: ";
  else
    text += "these seeds show no difference between self-influence and the loss: ";
  text += percent(mean_of(own).value) + " against " + percent(mean_of(loss).value);
  if (own.size() > 1)
    text += ", a difference of " + signed_fixed(100 * difference.value, 1) + " ± " + fixed(100 * difference.error, 1) +
            " points within a seed";
  return text + ".";
}

}  // namespace

Verdict compare(const std::vector<double>& a, const std::vector<double>& b) {
  const Mean difference = mean_difference(a, b);
  if (difference.count < 2 || std::abs(difference.value) <= 2 * difference.error) return Verdict::alike;
  return difference.value > 0 ? Verdict::more : Verdict::fewer;
}

std::string say_training(const Study& s) {
  return "The network is trained by Adam on cross-entropy for " + plural(s.settings.epochs, "epoch") +
         " in batches of " + std::to_string(s.settings.batch_size) + ", with a learning rate that falls from " +
         significant(s.settings.learning_rate, 2) + " to 0. It is right on " + percent(s.train_accuracy) +
         " of its training images and on " + percent(s.test_accuracy) + " of the test images.";
}

std::string say_influences(const Study& s) {
  const std::size_t m = s.task.y_test.size(), n = s.task.y.size();
  std::size_t helpful = 0, harmful = 0;
  for (std::size_t i = 0; i < m; ++i) {
    const double* row = s.exact().scores.data() + i * n;
    helpful += s.task.y[static_cast<std::size_t>(std::max_element(row, row + n) - row)] == s.task.y_test[i];
    harmful += s.task.y[static_cast<std::size_t>(std::min_element(row, row + n) - row)] != s.task.y_test[i];
  }
  const auto share = [&](std::size_t count) { return percent(static_cast<double>(count) / static_cast<double>(m)); };
  return "A score says by how much the margin log p/(1 − p) of the test image at its true label would fall without the "
         "training image, in a linear model of the network. For " +
         share(helpful) + " of the " + grouped(static_cast<double>(m)) +
         " test images the training image with the highest score has the same label, and for " + share(harmful) +
         " the one with the lowest score has another label.";
}

std::string say_datamodel(const Study& s) {
  std::string text =
      plural(s.subsets.size() * s.settings.repeats, "network") + " are trained on " +
      grouped(static_cast<double>(s.subsets.size())) + " random halves" + " of the training images, " +
      (s.settings.repeats > 1 ? std::to_string(s.settings.repeats) + " on each, " : std::string()) +
      "all from other initial parameters. For each test image, the sum of the scores over a half predicts "
      "how its margin differs between halves; the linear datamodeling score is the rank correlation of "
      "both (Spearman). The exact scores reach " +
      with_error(mean_of(s.exact().lds), 2) + " on average.";
  if (!s.agreement.empty())
    text += " For comparison, the margins of two networks on the same half have a rank correlation of " +
            with_error(mean_of(s.agreement), 2) + " with each other.";
  for (const Method& method : s.methods) {
    if (method.id == "exact") continue;
    const Mean difference = mean_difference(method.lds, s.exact().lds);
    const Verdict verdict = compare(method.lds, s.exact().lds);
    text += method.id == "products"   ? " Products of gradients without the inverse reach "
            : method.id == "ensemble" ? " The mean over " + plural(s.settings.ensemble, "network") + " reaches "
                                      : " Gradients " + method.name + " numbers reach ";
    text += with_error(mean_of(method.lds), 2) +
            (verdict == Verdict::more    ? ", better than one network's exact scores by "
             : verdict == Verdict::fewer ? ", worse than the exact scores by "
                                         : ", which these test images do not tell from the exact scores: ") +
            (verdict == Verdict::alike ? signed_fixed(difference.value, 3) : fixed(std::abs(difference.value), 3)) +
            " ± " + fixed(difference.error, 3) + ".";
  }
  return text;
}

std::string say_ridges(const Study& s) {
  std::string text = "These numbers are for a ridge of " + significant(s.settings.ridge, 2) +
                     " times the mean of the kernel's diagonal (--ridge). Of the ridges in the figure, ";
  std::vector<std::string> parts;
  for (const Method& method : s.methods) {
    if (method.curve.empty()) continue;
    const auto best = std::max_element(method.curve.begin(), method.curve.end());
    parts.push_back((method.id == "exact" ? "the exact scores are" : "gradients " + method.name + " numbers are") +
                    " best at " + significant(s.ridges[static_cast<std::size_t>(best - method.curve.begin())], 2) +
                    " (" + fixed(*best, 2) + ")");
  }
  for (std::size_t i = 0; i < parts.size(); ++i)
    text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return text + ".";
}

std::string say_flips(const Study& s) {
  const FlipRun& first = s.flips.front().runs.front();
  const auto count = static_cast<double>(std::count(first.labels.flipped.begin(), first.labels.flipped.end(), true));
  return "Of the " + grouped(static_cast<double>(s.task.y.size())) + " labels " + grouped(count) +
         " are replaced by another class, and a network is trained on all of them, for " +
         plural(s.settings.flip_seeds, "seed") +
         " (other labels, other initial parameters). The images are then ranked: by self-influence, the score of an "
         "image for itself under the label that was given; by the loss at that label; and at random. Both depend on "
         "how far the network has come to believe the wrong labels, so they are compared early and late in training.";
}

std::string say_found(const FlipStudy& flips) {
  std::vector<double> fitted;
  for (const FlipRun& run : flips.runs) fitted.push_back(run.fitted);
  return "After " + plural(flips.epochs, "epoch") + " the networks predict " + percent(mean_of(fitted).value) +
         " of the flipped labels. " + comparison(flips, 0.1) + " " + comparison(flips, 0.2);
}

}  // namespace xtangent::examples
