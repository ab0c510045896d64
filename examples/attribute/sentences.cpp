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

const Ranking& ranking(const Study& study, const std::string& name) {
  for (const Ranking& r : study.flips.rankings)
    if (r.name == name) return r;
  return study.flips.rankings.front();
}

// "in the first 10 % self-influence finds more than the loss: 71.2 % against 66.0 % on average"
std::string comparison(const Study& study, double part) {
  const std::vector<double> own = ranking(study, "self-influence").found_in(part),
                            loss = ranking(study, "loss").found_in(part);
  const Mean difference = mean_difference(own, loss);
  const Verdict verdict = compare(own, loss);
  const std::string numbers = percent(mean_of(own).value) + " against " + percent(mean_of(loss).value);
  std::string text = "In the first " + significant(100 * part, 2) + " % of the images ";
  if (verdict == Verdict::more)
    text += "self-influence finds more of the flipped labels than the loss: ";
  else if (verdict == Verdict::fewer)
    text += "self-influence finds fewer of the flipped labels than the loss: ";
  else if (own.size() == 1)
    text += "a single seed decides nothing between self-influence and the loss: ";
  else
    text += "the loss finds as many of the flipped labels as self-influence, as far as these seeds can tell: ";
  text += numbers;
  if (own.size() > 1)
    text += ", a difference of " + signed_fixed(100 * difference.value, 1) + " ± " + fixed(100 * difference.error, 1) +
            " points within a seed";
  return text + ".";
}

}  // namespace

std::string with_error(const Mean& mean, int decimals) {
  return fixed(mean.value, decimals) + (mean.count > 1 ? " ± " + fixed(mean.error, decimals) : "");
}

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
      plural(s.subsets.size(), "network") +
      " are trained on random halves of the training images, each from other initial parameters. For each "
      "test image, the sum of the scores over a half predicts how its margin differs between these "
      "networks; the linear datamodeling score is the rank correlation of both (Spearman). ";
  text += "The exact scores reach " + with_error(mean_of(s.exact().lds)) + " on average. ";
  for (const Method& method : s.methods) {
    if (method.id == "exact") continue;
    const Mean difference = mean_difference(method.lds, s.exact().lds);
    const Verdict verdict = compare(method.lds, s.exact().lds);
    text += method.id == "products"   ? "Without the inverse, products of gradients alone reach "
            : method.id == "ensemble" ? "The mean over " + plural(s.settings.ensemble, "network") + " reaches "
                                      : "Gradients that are " + method.name + " numbers reach ";
    text += with_error(mean_of(method.lds)) + " (" +
            (verdict == Verdict::more    ? "better than exact scores of one network by "
             : verdict == Verdict::fewer ? "worse than exact scores of one network by "
                                         : "no difference that these test images show: ") +
            (verdict == Verdict::alike ? signed_fixed(difference.value, 3) : fixed(std::abs(difference.value), 3)) +
            " ± " + fixed(difference.error, 3) + "). ";
  }
  text.pop_back();
  return text;
}

std::string say_ridges(const Study& s) {
  std::string text = "The numbers are for a ridge of " + significant(s.settings.ridge, 2) +
                     " times the mean of the kernel's diagonal, which was set before; the figure shows others. ";
  for (const Method& method : s.methods) {
    if (method.curve.empty()) continue;
    const std::size_t best =
        static_cast<std::size_t>(std::max_element(method.curve.begin(), method.curve.end()) - method.curve.begin());
    text += (method.id == "exact" ? "Of those, the exact scores are best at " : "Those " + method.name + " at ") +
            significant(s.ridges[best], 2) + " (" + fixed(method.curve[best], 2) + ")" + ". ";
  }
  text.pop_back();
  return text;
}

std::string say_flips(const Study& s) {
  std::vector<double> fitted;
  for (const FlipRun& run : s.flips.runs) fitted.push_back(run.fitted);
  const std::size_t count = static_cast<std::size_t>(
      std::count(s.flips.runs.front().labels.flipped.begin(), s.flips.runs.front().labels.flipped.end(), true));
  return "Of the " + grouped(static_cast<double>(s.task.y.size())) + " labels " + grouped(static_cast<double>(count)) +
         " are replaced by another class, and a network is trained on all of them, for " +
         plural(s.flips.runs.size(), "seed") +
         " (other labels and other initial parameters). After training, it gives back " +
         percent(mean_of(fitted).value) +
         " of the flipped labels. The images are then ranked: by self-influence, the score of an image for itself "
         "under "
         "the label that was given; by the loss at that label; and at random. " +
         comparison(s, 0.1) + " " + comparison(s, 0.2);
}

}  // namespace xtangent::examples
