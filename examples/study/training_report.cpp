#include "examples/study/training_report.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/format.hpp"
#include "examples/common/statistics.hpp"
#include "examples/study/predictions.hpp"
#include "examples/study/series.hpp"

namespace xtangent::examples {
namespace {

// A logarithmic axis has no place for epoch 0, which stands before 1.
double shown_epoch(double epoch) { return epoch == 0 ? 0.5 : epoch; }
// From the narrowest network to the widest.
constexpr const char* colors[] = {"#a3cfe8", "#6aaedb", "#3a86ca", "#1f5fb0", "#123f85", "#071a45"};

// The difference of predictions of kernels that needed no ridge.
Quantity ridgeless_difference(const Measurements& table) {
  return [&table](const Measurement& row) {
    return table.value(row, "ridge_used") == 0 ? table.value(row, "difference") : NAN;
  };
}

// The difference of predictions with one of the ridges.
Quantity difference_with(const Measurements& table, double ridge) {
  return ridge == 0 ? ridgeless_difference(table) : column(table, "difference_" + name_of_ridge(ridge));
}

// The rows of a case that have this value of a key.
RowsOfCase only(const Measurements& table, RowsOfCase one, const std::string& key, double value) {
  std::erase_if(one.rows, [&](const Measurement* row) { return std::stod(table.key(*row, key)) != value; });
  return one;
}

double last_epoch(const Measurements& table, const RowsOfCase& one) { return one.numbers(table, "epoch").back(); }

Mean mean_of_rows(const Measurements& table, const RowsOfCase& one, double width, double epoch,
                  const Quantity& quantity) {
  std::vector<double> values;
  for (const auto& [x, y] : points_of(table, only(table, one, "epoch", epoch).rows, "width", quantity))
    if (x == width) values.push_back(y);
  return mean_of(values);
}

PowerLaw law_at(const Measurements& table, const RowsOfCase& one, double epoch, const Quantity& quantity) {
  return fit_power_law({points_of(table, only(table, one, "epoch", epoch).rows, "width", quantity)});
}

void add_claims(Section& out, const Measurements& table, const std::vector<RowsOfCase>& cases) {
  const std::pair<const char*, Quantity> all[] = {
      {"At the end of training, too, the relative difference ‖Θ − K⊗I‖/‖Θ‖ falls at least as fast as "
       "width<sup>−1/2</sup>",
       column(table, "frobenius")},
      {"At the end of training, too, the relative difference of the largest eigenvalues falls at least as "
       "width<sup>−1/2</sup>",
       end_difference(table, "lambda_max")},
      {"At the end of training, too, the relative difference of the predictions on test images without a ridge falls "
       "at least as width<sup>−1/2</sup>",
       ridgeless_difference(table)}};
  for (const auto& [words, quantity] : all)
    for (const RowsOfCase& one : cases) {
      const PowerLaw law = law_at(table, one, last_epoch(table, one), quantity);
      if (!std::isfinite(law.slope)) continue;
      const PowerLaw first = law_at(table, one, 0, quantity);
      out.claims.push_back(
          {words, one.title,
           "exponent " + with_interval(law) + " (of the same networks before training " + power(first.slope) + ")",
           falls_at_least_as(law, -0.5)});
    }
}

// Exponents of the width at the end of training, and in parentheses those of the same networks before.
Table exponents(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  const std::pair<const char*, Quantity> all[] = {{"relative<br>Frobenius", column(table, "frobenius")},
                                                  {"λ<sub>max</sub>", end_difference(table, "lambda_max")},
                                                  {"λ<sub>min</sub>", end_difference(table, "lambda_min")},
                                                  {"condition<br>number", condition_difference(table)},
                                                  {"predictions", ridgeless_difference(table)},
                                                  {"entries on<br>the diagonal", column(table, "diagonal")},
                                                  {"entries<br>off it", column(table, "off_diagonal")}};
  Table out;
  out.head = {"network"};
  for (const auto& [title, quantity] : all) out.head.emplace_back(title);
  for (const RowsOfCase& one : cases) {
    std::vector<std::string> row = {one.title};
    for (const auto& [title, quantity] : all) {
      const PowerLaw after = law_at(table, one, last_epoch(table, one), quantity),
                     before = law_at(table, one, 0, quantity);
      row.push_back(std::isfinite(after.slope)
                        ? short_exponent(after) + (std::isfinite(before.slope) ? " (" + power(before.slope) + ")" : "")
                        : std::string("–"));
    }
    out.rows.push_back(std::move(row));
  }
  return out;
}

// The difference of predictions at the largest width by the ridge, after training and in parentheses before, and the
// exponent of the width after training.
Table by_ridge(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  Table out;
  out.head = {"network", "width"};
  for (const double ridge : ridges) out.head.push_back(ridge == 0 ? "no ridge" : "ridge " + name_of_ridge(ridge));
  for (const RowsOfCase& one : cases) {
    const double width = one.numbers(table, "width").back();
    std::vector<std::string> row = {one.title, grouped(width)};
    for (const double ridge : ridges) {
      const Quantity difference = difference_with(table, ridge);
      const Mean after = mean_of_rows(table, one, width, last_epoch(table, one), difference),
                 before = mean_of_rows(table, one, width, 0, difference);
      const PowerLaw law = law_at(table, one, last_epoch(table, one), difference);
      const auto said = [](const Mean& mean) { return mean.count ? significant(mean.value) : std::string("singular"); };
      row.push_back(said(after) + " (" + said(before) + ")" +
                    (std::isfinite(law.slope) ? ", exponent " + short_exponent(law) : ""));
    }
    out.rows.push_back(std::move(row));
  }
  return out;
}

// What a ridge does to the difference, network by network: the source claims nothing with a ridge.
std::string about_ridges(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  std::string larger, smaller;
  for (const RowsOfCase& one : cases) {
    const double width = one.numbers(table, "width").back(), end = last_epoch(table, one);
    const auto at = [&](double ridge) { return mean_of_rows(table, one, width, end, difference_with(table, ridge)); };
    const Mean without = at(ridges.front());
    if (without.count == 0) continue;
    std::pair<double, double> worst = {0, 0};  // the ridge with the greatest difference
    for (std::size_t i = 1; i < ridges.size(); ++i)
      if (const Mean with = at(ridges[i]); with.count && with.value > worst.second) worst = {ridges[i], with.value};
    std::string& text = worst.second > without.value ? larger : smaller;
    text += (text.empty() ? "" : "; ") + escaped(one.title) + ", width " + grouped(width) + ": " +
            significant(without.value) + " without, at most " + significant(worst.second) + " with (ridge " +
            name_of_ridge(worst.first) + ")";
  }
  std::string out = "<b>With a ridge the source claims nothing.</b> At the end of training, with ridges of " +
                    name_of_ridge(ridges[1]) + " to " + name_of_ridge(ridges.back()) +
                    " of the mean of the eNTK's diagonal for both kernels, the predictions of the widest networks";
  if (!larger.empty())
    out += " <b>differ more than without a ridge</b> for " + larger + (smaller.empty() ? "" : "; they");
  if (!smaller.empty()) out += " differ less for " + smaller;
  return larger.empty() && smaller.empty() ? std::string() : out + ".";
}

// "after 64 epochs the networks of width 64 to 1024 had a loss of 0.01 to 0.001 and ..."
std::string convergence(const Measurements& table, const RowsOfCase& one) {
  const RowsOfCase end = only(table, one, "epoch", last_epoch(table, one));
  double loss = 0, accuracy = 1;
  for (const Measurement* row : end.rows) {
    loss = std::max(loss, table.value(*row, "loss"));
    accuracy = std::min(accuracy, table.value(*row, "accuracy"));
  }
  return escaped(one.title) + " for " + grouped(last_epoch(table, one)) + " epochs, to a loss of at most " +
         significant(loss, 2) + " and at least " + percent(accuracy) + " of the training images right (" +
         plural(one.numbers(table, "width").size(), "width") + ", " +
         plural(one.numbers(table, "seed").size(), "seed") + ", kernels of " + plural(one.n, "image") + ")";
}

// Means over the seeds against the epoch.
Series along(const Measurements& table, const RowsOfCase& one, double width, const Quantity& quantity,
             const std::string& title, const std::string& color) {
  Series out{.title = title, .points = {}, .color = color};
  for (const double epoch : one.numbers(table, "epoch"))
    out.points.emplace_back(shown_epoch(epoch), mean_of_rows(table, one, width, epoch, quantity).value);
  return out;
}

Panel panel(const std::string& title, const std::string& y_label, const std::vector<double>& epochs) {
  Panel out{.title = title, .x_label = "epoch", .y_label = y_label, .series = {}};
  out.log_x = out.log_y = true;
  for (const double epoch : epochs) {
    out.x_ticks.push_back(shown_epoch(epoch));
    out.x_labels.push_back(grouped(epoch));
  }
  return out;
}

std::string differences(const Measurements& table, const std::vector<RowsOfCase>& cases, const std::string& name,
                        const std::string& y_label) {
  std::vector<Panel> panels;
  for (const RowsOfCase& one : cases) {
    Panel next = panel(one.title, y_label, one.numbers(table, "epoch"));
    const std::vector<double> widths = one.numbers(table, "width");
    for (std::size_t i = 0; i < widths.size(); ++i)
      next.series.push_back(along(table, one, widths[i], column(table, name), "width " + grouped(widths[i]),
                                  colors[i * (std::size(colors) - 1) / std::max<std::size_t>(1, widths.size() - 1)]));
    panels.push_back(std::move(next));
  }
  return draw(panels, 500, 400, 2);
}

std::string spectra(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  std::vector<Panel> panels;
  for (const RowsOfCase& one : cases) {
    const double width = one.numbers(table, "width").back();
    const std::string name = one.title + ", width " + grouped(width);
    const auto both = [&](const std::string& label, const Quantity& entk, const Quantity& pntk) {
      Panel next = panel(name, label, one.numbers(table, "epoch"));
      next.series = {along(table, one, width, entk, "eNTK", entk_color),
                     along(table, one, width, pntk, "pNTK", pntk_color)};
      next.series[0].marker = 5;
      panels.push_back(std::move(next));
    };
    both("largest eigenvalue", column(table, "lambda_max_entk"), column(table, "lambda_max_pntk"));
    both("smallest eigenvalue", column(table, "lambda_min_entk"), column(table, "lambda_min_pntk"));
    both("condition number", condition(table, "entk"), condition(table, "pntk"));
  }
  return draw(panels, 360, 350, 3);
}

std::string rescued(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  std::size_t all = 0, with_ridge = 0;
  for (const RowsOfCase& one : cases)
    for (const Measurement* row : one.rows) {
      ++all;
      with_ridge += table.value(*row, "ridge_used") > 0;
    }
  if (with_ridge == 0) return {};
  return " Kernels that are singular to rounding got the least ridge of 10⁻⁶ to 10⁻³ with which they are not, in " +
         grouped(static_cast<double>(with_ridge)) + " of " + plural(all, "pair") + "; no exponent is made of these.";
}

Table numbers(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  Table out;
  out.head = {"network",
              "width",
              "epoch",
              "loss",
              "right",
              "relative<br>Frobenius",
              "λ<sub>max</sub><br>eNTK",
              "λ<sub>max</sub><br>pNTK",
              "condition<br>eNTK",
              "condition<br>pNTK",
              "difference of<br>predictions",
              "accuracy<br>eNTK",
              "accuracy<br>pNTK",
              "accuracy<br>network"};
  for (const RowsOfCase& one : cases)
    for (const double width : one.numbers(table, "width"))
      for (const double epoch : {0.0, last_epoch(table, one)}) {
        const auto mean = [&](const Quantity& q) { return mean_of_rows(table, one, width, epoch, q); };
        const auto cell = [&](const Quantity& q) {
          const Mean m = mean(q);
          return m.count ? significant(m.value) : std::string("singular");
        };
        const auto accuracy = [&](const char* name) { return percent(mean(column(table, name)).value); };
        const Mean difference = mean(column(table, "frobenius"));
        out.rows.push_back(
            {one.title, grouped(width), grouped(epoch), significant(mean(column(table, "loss")).value, 2),
             percent(mean(column(table, "accuracy")).value),
             significant(difference.value) + " ± " + significant(difference.deviation, 2),
             cell(column(table, "lambda_max_entk")), cell(column(table, "lambda_max_pntk")),
             cell(condition(table, "entk")), cell(condition(table, "pntk")), cell(column(table, "difference")),
             accuracy("accuracy_entk"), accuracy("accuracy_pntk"), accuracy("accuracy_network")});
      }
  return out;
}

}  // namespace

Section report_training(const Tables& tables) {
  const Measurements& table = tables.at("training");
  Section out;
  out.title = "Along training";
  const std::vector<RowsOfCase> cases = rows_by_case(table);
  if (cases.empty()) return out;
  std::string text = "Trained with cross-entropy by Adam: ";
  for (const RowsOfCase& one : cases) text += (&one == &cases.front() ? "" : "; ") + convergence(table, one);
  out.paragraphs.push_back(text + ".");
  add_claims(out, table, cases);
  out.figures.push_back({differences(table, cases, "frobenius", "‖Θ − K⊗I‖_F / ‖Θ‖_F"),
                         "Relative difference of the two kernels along training, means over the seeds.",
                         "Relative differences along training"});
  out.figures.push_back({differences(table, cases, "difference", "‖f_{pNTK} − f_{eNTK}‖ / ‖f_{eNTK}‖"),
                         "Relative difference of the predictions on test images by regression without a ridge with the "
                         "kernels of each epoch, which start from the constant 1/O: means over the seeds." +
                             rescued(table, cases),
                         "Differences of predictions along training"});
  out.figures.push_back({spectra(table, cases),
                         "Ends of both spectra along training, for the widest networks that were trained.",
                         "Eigenvalues along training"});
  if (const std::string ridged = about_ridges(table, cases); !ridged.empty()) out.paragraphs.push_back(ridged);
  out.tables.emplace_back(exponents(table, cases),
                          "Exponents of the width at the end of training with their standard errors, of the relative "
                          "differences of both kernels and of the entries of the eNTK's O × O blocks; in parentheses "
                          "those of the same networks before training.");
  out.tables.emplace_back(by_ridge(table, cases),
                          "Difference of the predictions at the largest width by the ridge, at the end of training and "
                          "in parentheses before it, and the exponent of the width at the end.");
  out.tables.emplace_back(numbers(table, cases),
                          "Before and after training: means over the seeds, with the standard deviation of one "
                          "network. The regressions learn "
                          "from the images of the kernels and are judged on as many test images; the network was "
                          "trained on several times as many.");
  return out;
}

}  // namespace xtangent::examples
