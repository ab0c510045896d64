#include "examples/quickstart/sentences.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

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
std::string with_error(double slope, double error) {
  return power(slope) + (std::isfinite(error) ? "&nbsp;±&nbsp;" + fixed(error, 2) : "");
}

bool falls_at_every_step(const std::vector<const NetworkResult*>& networks, const Quantity& quantity) {
  for (std::size_t i = 1; i < networks.size(); ++i)
    if (!(quantity(*networks[i]) < quantity(*networks[i - 1]))) return false;
  return true;
}

// "from 0.4 (width 64) to 0.1 (width 1024) for the convolutional networks, falling at every step"
std::string course(const Experiment& e, const std::string& kind, const Quantity& quantity) {
  const auto networks = of_kind(e, kind);
  const NetworkResult &first = *networks.front(), &last = *networks.back();
  const auto at = [&](const NetworkResult& n) {
    return number(quantity(n)) + " (width " + std::to_string(n.width) + ")";
  };
  if (networks.size() == 1) return "is " + at(first) + " for the " + kind + " network";
  const std::string text = "goes from " + at(first) + " to " + at(last) + " for the " + kind + " networks, ";
  if (falls_at_every_step(networks, quantity)) return text + "falling at every step";
  return text + (quantity(last) < quantity(first) ? "falling, though not at every step" : "without falling");
}

std::string joined(const std::vector<std::string>& parts, const std::string& between, const std::string& before_last) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    out.append(i == 0 ? "" : i + 1 == parts.size() ? before_last : between).append(parts[i]);
  return out;
}

std::string courses(const Experiment& e, const Quantity& quantity) {
  std::vector<std::string> parts;
  for (const std::string& kind : kinds(e)) parts.push_back(course(e, kind, quantity));
  return joined(parts, "; it ", "; it ");
}

std::string capitalized(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

// Mean absolute entry on the diagonal and off it, of the two blocks of images with themselves in a (2 O, 2 O) eNTK.
std::pair<double, double> on_and_off(const Array<double>& pair, std::size_t outputs) {
  double on = 0, off = 0;
  for (std::size_t block = 0; block < 2; ++block)
    for (std::size_t i = 0; i < outputs; ++i)
      for (std::size_t j = 0; j < outputs; ++j)
        (i == j ? on : off) += std::abs(pair[(block * outputs + i) * 2 * outputs + block * outputs + j]);
  const double n = static_cast<double>(outputs);
  return {on / (2 * n), off / (2 * n * std::max(1.0, n - 1))};
}

}  // namespace

std::string say_training(const Experiment& e) {
  const Range accuracy = range(e, [](const NetworkResult& n) { return n.test_accuracy; });
  const Range time = range(e, [](const NetworkResult& n) { return n.seconds_training; });
  return capitalized(plural(e.networks.size(), "network")) + " of " + plural(e.settings.widths.size(), "width") +
         " were trained with Adam and cross-entropy for " + plural(e.settings.epochs, "epoch") + " on " +
         plural(e.fit_images, "image") + ", each in " + spread(time, seconds) + ". On " +
         plural(e.test_images, "test image") + " they are right in " + spread(accuracy, percent) + ".";
}

std::string say_blocks(const Experiment& e) {
  const auto [on_init, off_init] = on_and_off(e.pictures.pair_init, e.outputs);
  const auto [on, off] = on_and_off(e.pictures.pair_trained, e.outputs);
  std::string text = "The eNTK holds a block of " + std::to_string(e.outputs) + " × " + std::to_string(e.outputs) +
                     " numbers for each pair of images, one for each pair of outputs; the pNTK holds one number, and "
                     "stands for that number times the unit matrix. In the blocks of an image with itself a diagonal "
                     "entry is " +
                     number(on_init / off_init) + " times an off-diagonal one at initialization and " +
                     number(on / off) + " times after training, on average of absolute values. ";
  if (on / off < 0.9 * on_init / off_init)
    text += "Training has made the blocks less diagonal, and so the pNTK a coarser picture of them.";
  else if (on / off > 1.1 * on_init / off_init)
    text += "Training has made the blocks more diagonal, and so the pNTK a finer picture of them.";
  else
    text += "Training has hardly changed how diagonal the blocks are.";
  return text;
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
  std::string text = "Images are sorted by class. The mean kernel of two different images of the same class is " +
                     number(entk) + " times that of two classes in the eNTK and " + number(pntk) + " times in the pNTK";
  if (std::isfinite(entk) && std::isfinite(pntk) && entk > 1.05 && pntk > 1.05)
    text += ": both see the classes.";
  else
    text += ".";
  return text;
}

std::string say_frobenius(const Experiment& e) {
  std::string text = "At initialization, the relative difference " +
                     courses(e, [](const NetworkResult& n) { return n.init.relative_frobenius; }) + ". ";
  if (std::isfinite(e.slope)) {
    text += "The exponent fitted to all of them is <b>" + with_error(e.slope, e.slope_error) +
            "</b>, where the theory says −1/2: ";
    const double off = std::abs(e.slope + 0.5);
    text += std::isfinite(e.slope_error) && off <= 2 * e.slope_error ? "within two standard errors. "
                                                                     : fixed(off, 2) + " away from it. ";
  }
  text +=
      "After training, it " + courses(e, [](const NetworkResult& n) { return n.trained.relative_frobenius; }) + ". ";
  std::vector<std::string> slopes;
  for (const Fit& fit : e.fits)
    if (fit.trained) slopes.push_back(with_error(fit.slope, fit.error) + " (" + fit.name + ")");
  if (!slopes.empty()) text += "The exponents are then " + joined(slopes, ", ", " and ") + ". ";
  double above = 0;
  for (const NetworkResult& n : e.networks) above += n.trained.relative_frobenius > n.init.relative_frobenius;
  return text + "Training made the difference larger in " + grouped(above) + " of " +
         plural(e.networks.size(), "network") + ".";
}

std::string say_spectrum(const Experiment& e) {
  std::string text =
      "The largest eigenvalue of the pNTK against that of the eNTK: at initialization, the relative "
      "difference " +
      courses(e, [](const NetworkResult& n) { return n.init.lambda_max_difference; }) + ". After training, it " +
      courses(e, [](const NetworkResult& n) { return n.trained.lambda_max_difference; }) + ". ";
  std::size_t singular = 0;
  Range ratio;
  for (const NetworkResult& n : e.networks)
    for (const Comparison* c : {&n.init, &n.trained}) {
      if (std::isfinite(c->condition_entk) && std::isfinite(c->condition_pntk))
        ratio.add(c->condition_pntk / c->condition_entk);
      else
        ++singular;
    }
  if (std::isfinite(ratio.least))
    text += "The pNTK's condition number is " + spread(ratio, number) + " times the eNTK's; " +
            (ratio.greatest < 1 ? "the pNTK is the better conditioned in every case. "
             : ratio.least > 1  ? "the pNTK is the worse conditioned in every case. "
                                : "which of them is the better conditioned depends on the network. ");
  if (singular)
    text += "In " + plural(singular, "case") + " a kernel is singular to rounding and has no condition number. ";
  return text + "No bound is proved for the smallest eigenvalue.";
}

std::string say_regression(const Experiment& e) {
  std::size_t ahead = 0, behind = 0, ridged = 0;
  Range gap, agreement, below;
  for (const NetworkResult& n : e.networks)
    for (const Comparison* c : {&n.init, &n.trained}) {
      ahead += c->accuracy_pntk > c->accuracy_entk;
      behind += c->accuracy_pntk < c->accuracy_entk;
      gap.add(100 * std::abs(c->accuracy_pntk - c->accuracy_entk));
      agreement.add(c->agreement);
      ridged += c->ridge > 0;
      if (c == &n.trained) below.add(100 * (c->accuracy_network - std::max(c->accuracy_pntk, c->accuracy_entk)));
    }
  std::string text = "Regression on " + plural(e.kernel_train, "training image") +
                     ", f(x) = f₀(x) + K(x, X) K(X, X)⁻¹ (Y − f₀(X)) with one-hot targets Y, judged on " +
                     plural(e.kernel_test, "test image") + ". The accuracies with the two kernels differ by at most " +
                     fixed(gap.greatest, 1) + " percentage points; of " + std::to_string(2 * e.networks.size()) +
                     " comparisons the pNTK is ahead in " + std::to_string(ahead) + " and behind in " +
                     std::to_string(behind) + ". Both give the same class to " + spread(agreement, percent) +
                     " of the test images. At initialization, the relative difference of their predictions " +
                     courses(e, [](const NetworkResult& n) { return n.init.prediction_difference; }) + ". ";
  if (below.greatest > 0)
    text += "After training, on all " + plural(e.fit_images, "image") + ", a network itself is up to " +
            fixed(below.greatest, 1) + " points above the better of its two regressions, which see " +
            plural(e.kernel_train, "image") + ".";
  if (ridged)
    text += " In " + plural(ridged, "comparison") +
            " a kernel was not positive definite to rounding, and both were given a ridge of 10⁻⁶ of the mean "
            "diagonal.";
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
