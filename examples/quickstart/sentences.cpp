#include "examples/quickstart/sentences.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "examples/common/divergence.hpp"
#include "examples/common/format.hpp"
#include "examples/quickstart/figures.hpp"

namespace xtangent::examples {
namespace {

using Quantity = std::function<double(const NetworkResult&)>;

struct Range {
  double least = INFINITY, greatest = -INFINITY;
  void add(double value) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
};

Range range(const Experiment& e, const Quantity& quantity) {
  Range out;
  for (const NetworkResult& network : e.networks) out.add(quantity(network));
  return out;
}

// "between 0.21 and 0.45", or "0.21" where both read the same.
std::string spread(const Range& r, const std::function<std::string(double)>& text) {
  return text(r.least) == text(r.greatest) ? text(r.least) : "between " + text(r.least) + " and " + text(r.greatest);
}

std::string number(double value) { return significant(value, 2); }

// What a quantity does as the width grows: "falls at every step". Says "falls" of nothing else.
std::string course(const std::vector<const NetworkResult*>& networks, const Quantity& quantity) {
  const std::size_t steps = networks.size() - 1;
  std::size_t falling = 0;
  for (std::size_t i = 1; i < networks.size(); ++i) falling += quantity(*networks[i]) < quantity(*networks[i - 1]);
  if (falling == steps) return steps == 1 ? "falls" : "falls at every step";
  if (falling == 0) return steps == 1 ? "does not fall" : "falls at no step";
  return std::string(quantity(*networks.back()) < quantity(*networks.front()) ? "ends lower" : "does not end lower") +
         ", falling at " + std::to_string(falling) + " of " + std::to_string(steps) + " steps";
}

std::string joined(const std::vector<std::string>& parts, const std::string& between, const std::string& before_last) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    out.append(i == 0 ? "" : i + 1 == parts.size() ? before_last : between).append(parts[i]);
  return out;
}

// " of the fully connected networks falls at every step, and that of the convolutional ones ..."; for one width
// nothing.
std::string courses(const Experiment& e, const Quantity& quantity) {
  std::vector<std::string> parts;
  for (const std::string& kind : kinds(e))
    parts.push_back(kind + (parts.empty() ? " networks " : " ones ") + course(of_kind(e, kind), quantity));
  return "of the " + joined(parts, "; that of the ", "; that of the ");
}

bool several_widths(const Experiment& e) { return e.settings.widths.size() > 1; }

const Comparison& state(const NetworkResult& n, bool trained) { return trained ? n.trained : n.init; }

// "the convolutional network of width 64 at initialization"
std::string which(const NetworkResult& n, bool trained) {
  return "the " + n.name + " network of width " + std::to_string(n.width) +
         (trained ? " after training" : " at initialization");
}

// How many networks of all: "all 10 networks", "4 of 10 networks".
std::string of_all(std::size_t count, const Experiment& e) {
  const std::string all = plural(e.networks.size(), "network");
  return count == e.networks.size() ? "all " + all
         : count == 0               ? "none of " + all
                                    : grouped(static_cast<double>(count)) + " of " + all;
}

}  // namespace

std::string verdict(const Fit& fit) {
  if (!std::isfinite(fit.error)) return "no error to judge it by";
  if (fit.high < -0.5) return "steeper";
  if (fit.low > -0.5) return fit.low < 0 ? "shallower" : "not falling";
  return fit.high < 0 ? "agrees" : "agrees, as does not falling at all";
}

std::string say_training(const Experiment& e) {
  const Range accuracy = range(e, [](const NetworkResult& n) { return n.test_accuracy; });
  return "Every network begins with He's initialization, its last layer with PyTorch's, and is trained with Adam and "
         "cross-entropy for " +
         plural(e.settings.epochs, "epoch") + " in batches of " + std::to_string(e.settings.batch_size) +
         ". The learning rate is " + significant(e.settings.learning_rate, 2) +
         " at width 64, falls as width<sup>−1/2</sup>, and in time along a half cosine to 0. The networks are right "
         "on " +
         spread(accuracy, percent) + " of the test images.";
}

std::string say_divergence(const Experiment& e) {
  std::vector<std::string> names;
  for (const NetworkResult& n : e.networks)
    if (diverged(n.losses.back(), e.outputs)) names.push_back(n.name + " " + std::to_string(n.width));
  if (names.empty()) return "";
  return "The training diverged for " + joined(names, ", ", " and ") +
         ": the loss ended far above that of guessing. What is said of trained networks means nothing there; choose a "
         "smaller --learning-rate.";
}

std::string say_blocks(const Experiment& e) {
  std::size_t less = 0;
  const NetworkResult* shown = nullptr;
  for (const NetworkResult& n : e.networks) {
    less += n.trained.diagonality < n.init.diagonality;
    if (n.name == e.pictures.name && n.width == e.pictures.width) shown = &n;
  }
  std::string text = "The eNTK holds a block of " + std::to_string(e.outputs) + " × " + std::to_string(e.outputs) +
                     " numbers for each pair of images, one for each pair of outputs; the pNTK holds one number, and "
                     "stands for that number times the unit matrix. So it is the better, the more diagonal the blocks "
                     "are. ";
  if (shown != nullptr && e.outputs > 1)
    text += "In the blocks of all " + grouped(static_cast<double>(e.kernel_train)) +
            " images with themselves, a diagonal entry of this network is on average " +
            number(shown->init.diagonality) + " times an off-diagonal one at initialization and " +
            number(shown->trained.diagonality) + " times after training (absolute values). ";
  return text + "Training made the blocks less diagonal in " + of_all(less, e) + ".";
}

std::string say_matrices(const Experiment& e) {
  const auto& labels = e.pictures.sorted_labels;
  const auto contrast = [&](const Array<double>& kernel) {
    double same = 0, other = 0, n_same = 0, n_other = 0;
    for (std::size_t i = 0; i < labels.size(); ++i)
      for (std::size_t j = 0; j < labels.size(); ++j)
        if (i != j) {
          (labels[i] == labels[j] ? same : other) += kernel[i * labels.size() + j];
          (labels[i] == labels[j] ? n_same : n_other) += 1;
        }
    return (same / n_same) / (other / n_other);
  };
  const double entk = contrast(e.pictures.trace_trained), pntk = contrast(e.pictures.pntk_trained);
  std::string text =
      "Images are sorted by class, and both maps have the same colors. The mean kernel of two different "
      "images of one class is " +
      number(entk) + " times that of two classes in the eNTK and " + number(pntk) + " times in the pNTK";
  return text +
         (std::isfinite(entk) && std::isfinite(pntk) && entk > 1.05 && pntk > 1.05 ? ": both see the classes." : ".");
}

std::string say_frobenius(const Experiment& e) {
  const Quantity init = [](const NetworkResult& n) { return n.init.relative_frobenius; };
  const Quantity trained = [](const NetworkResult& n) { return n.trained.relative_frobenius; };
  std::string text;
  if (several_widths(e))
    text = "At initialization, the relative difference " + courses(e, init) + ". After training, that " +
           courses(e, trained) + ". ";
  std::size_t above = 0;
  for (const NetworkResult& n : e.networks) above += trained(n) > init(n);
  text += "Training made the difference larger in " + of_all(above, e) + ".";
  if (!e.fits.empty())
    text +=
        " The theory says that at initialization the difference is at most of the order width<sup>−1/2</sup> as the "
        "width goes to infinity. Table 2 has the measured exponents, each with the standard error and the 95 % "
        "confidence interval of its fit. They are those of one initialization at these widths: an exponent that is "
        "steeper falls faster than the theory asks, one that is shallower "
        "does not show it here.";
  return text;
}

std::string say_spectrum(const Experiment& e) {
  std::string text;
  if (several_widths(e))
    text = "At initialization, the relative difference between the largest eigenvalues " +
           courses(e, [](const NetworkResult& n) { return n.init.lambda_max_difference; }) + ". After training, that " +
           courses(e, [](const NetworkResult& n) { return n.trained.lambda_max_difference; }) + ". ";
  std::size_t singular = 0, better = 0, worse = 0;
  for (const NetworkResult& n : e.networks)
    for (const Comparison* c : {&n.init, &n.trained}) {
      if (!std::isfinite(c->condition_entk) || !std::isfinite(c->condition_pntk))
        ++singular;
      else
        ++(c->condition_pntk < c->condition_entk ? better : worse);
    }
  if (better + worse > 0)
    text += worse == 0    ? "The pNTK is better conditioned than the eNTK in every case. "
            : better == 0 ? "The pNTK is worse conditioned than the eNTK in every case. "
                          : "The pNTK is better conditioned than the eNTK in " + std::to_string(better) + " of " +
                                plural(better + worse, "case") + ". ";
  if (singular)
    text += "In " + plural(singular, "case") + " a kernel is singular to rounding and has no condition number. ";
  return text + "No bound is proved for the smallest eigenvalue.";
}

std::string say_regression(const Experiment& e) {
  const NetworkResult* network = &e.networks.front();
  bool trained = false;
  double lead = -INFINITY, gap = 0;
  std::size_t ridged = 0;
  for (const NetworkResult& n : e.networks)
    for (const bool after : {false, true}) {
      const Comparison& c = state(n, after);
      if (c.accuracy_pntk - c.accuracy_entk > lead) {
        lead = c.accuracy_pntk - c.accuracy_entk;
        network = &n;
        trained = after;
      }
      gap = std::max(gap, std::abs(c.accuracy_pntk_ridge - c.accuracy_entk_ridge));
      ridged += c.ridge > 0;
    }
  const auto points = [](double fraction) { return fixed(100 * fraction, 1) + " points"; };
  const Comparison& widest_gap = state(*network, trained);
  std::string text = "Regression on " + plural(e.kernel_train, "training image") +
                     ", f(x) = f₀(x) + K(x, X) (K(X, X) + ridge)⁻¹ (Y − f₀(X)) with one-hot targets Y, judged on " +
                     plural(e.kernel_test, "test image") + ". The networks learned from all " +
                     plural(e.fit_images, "image") + ". ";
  if (lead > 0.02)
    text +=
        "Without a ridge the pNTK can be ahead of the kernel that it approximates, by up to " + points(lead) + " (" +
        which(*network, trained) + "). That is no merit of the pNTK: the condition number of that eNTK is " +
        number(widest_gap.condition_entk) + ", against " + number(widest_gap.condition_pntk) +
        " of the pNTK, which knows no couplings between outputs. The inverse of so ill-conditioned a kernel magnifies "
        "what the targets have along its smallest eigenvalues, which says little of other images. ";
  const double kept = widest_gap.accuracy_pntk_ridge - widest_gap.accuracy_entk_ridge;
  text += "With a ridge of " + significant(100 * regression_ridge, 1) + " % of the mean diagonal";
  if (lead > 0.02 && kept < lead / 2)
    text += ", which damps these directions, " + (kept > 0 ? "this lead is " + points(kept) : "that lead is gone") +
            ", and";
  text += " the accuracies are at most " + points(gap) + " apart in all " +
          plural(2 * e.networks.size(), "comparison") + ".";
  if (ridged)
    text += " In " + plural(ridged, "comparison") +
            " a kernel was not positive definite to rounding, and both were given a ridge of 10⁻⁶ of the mean diagonal "
            "where they should have none.";
  return text;
}

std::string say_cost(const Experiment& e) {
  Range time, memory;
  for (const NetworkResult& n : e.networks)
    for (const Comparison* c : {&n.init, &n.trained}) {
      if (c->seconds_pntk > 0) time.add(c->seconds_entk / c->seconds_pntk);
      if (c->bytes_pntk > 0) memory.add(c->bytes_entk / c->bytes_pntk);
    }
  const double n = static_cast<double>(e.kernel_train), o = static_cast<double>(e.outputs);
  return "The kernel of " + grouped(n) + " images with themselves: the eNTK has " + grouped(n * o) + " × " +
         grouped(n * o) + " entries (" + bytes(8 * n * n * o * o) + "), the pNTK " + grouped(n) + " × " + grouped(n) +
         " (" + bytes(8 * n * n) + "). Computing the eNTK took " + spread(time, number) + " times as long and " +
         spread(memory, number) + " times the memory.";
}

}  // namespace xtangent::examples
