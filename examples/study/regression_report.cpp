#include "examples/study/regression_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "examples/common/format.hpp"
#include "examples/common/statistics.hpp"
#include "examples/study/series.hpp"

namespace xtangent::examples {
namespace {

std::vector<std::string> ridges_of(const Measurements& table) {
  std::vector<std::string> out;
  for (const Measurement& row : table.rows())
    if (const std::string& ridge = table.key(row, "ridge"); std::find(out.begin(), out.end(), ridge) == out.end())
      out.push_back(ridge);
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return std::atof(a.c_str()) < std::atof(b.c_str()); });
  return out;
}

// The rows of one ridge.
std::vector<RowsOfCase> with_ridge(const Measurements& table, std::vector<RowsOfCase> cases, const std::string& ridge) {
  for (RowsOfCase& one : cases)
    std::erase_if(one.rows, [&](const Measurement* row) { return table.key(*row, "ridge") != ridge; });
  std::erase_if(cases, [](const RowsOfCase& one) { return one.rows.empty(); });
  return cases;
}

std::string said(const std::string& ridge) {
  return ridge == "0" ? std::string("without a ridge") : "with a ridge of " + ridge + " of the mean diagonal";
}

std::vector<double> values_at(const Measurements& table, const RowsOfCase& one, double width, const std::string& name) {
  std::vector<double> out;
  for (const auto& [x, y] : points_of(table, one.rows, "width", column(table, name)))
    if (x == width) out.push_back(y);
  return out;
}

PowerLaw law_of(const Measurements& table, const RowsOfCase& one) {
  return fit_power_law({points_of(table, one.rows, "width", column(table, "difference"))});
}

double widest_difference(const Measurements& table, const RowsOfCase& one) {
  return mean_of(values_at(table, one, one.numbers(table, "width").back(), "difference")).value;
}

void add_claims(Section& out, const Measurements& table, const std::vector<RowsOfCase>& cases) {
  for (const RowsOfCase& one : cases) {
    const PowerLaw law = law_of(table, one);
    if (!std::isfinite(law.slope)) continue;
    out.claims.push_back(
        {"Without a ridge, the relative difference of the linearized predictions on test images falls "
         "at least as fast as width<sup>−1/2</sup>",
         one.title,
         "exponent " + with_interval(law) + ", and a difference of " + percent(widest_difference(table, one)) +
             " at width " + grouped(one.numbers(table, "width").back()),
         falls_at_least_as(law, -0.5)});
  }
}

// The power law of the ratio of the differences with a ridge and without, network by network.
PowerLaw law_of_ratios(const Measurements& table, const RowsOfCase& with, const RowsOfCase& without) {
  Points ratios;
  for (const Measurement* a : with.rows)
    for (const Measurement* b : without.rows)
      if (table.key(*a, "width") == table.key(*b, "width") && table.key(*a, "seed") == table.key(*b, "seed"))
        ratios.emplace_back(std::stod(table.key(*a, "width")),
                            table.value(*a, "difference") / table.value(*b, "difference"));
  return fit_power_law({ratios});
}

// "exponent -0.30 +- 0.02 with it and -0.43 +- 0.02 without, so that the difference falls more slowly": of one network.
std::string beside_no_ridge(const Measurements& table, const RowsOfCase& with, const RowsOfCase& without) {
  const PowerLaw a = law_of(table, with), b = law_of(table, without), ratio = law_of_ratios(table, with, without);
  if (!std::isfinite(a.error) || !std::isfinite(b.error) || !std::isfinite(ratio.error)) return {};
  return escaped(with.title) + ": exponent " + power(a.slope) + " ± " + fixed(a.error, 2) + " with it and " +
         power(b.slope) + " ± " + fixed(b.error, 2) + " without, " +
         (ratio.low > 0    ? "<b>so that the difference falls more slowly with the ridge</b>"
          : ratio.high < 0 ? "so that it falls faster with the ridge"
                           : "which these networks do not tell apart") +
         " (exponent of their ratio " + with_interval(ratio) + ")" + "; the difference at the largest width " +
         percent(widest_difference(table, with)) + " and " + percent(widest_difference(table, without));
}

// The source's caveat, with the largest ridge.
void compare_ridges(Section& out, const Measurements& table, const std::vector<RowsOfCase>& cases,
                    const std::vector<std::string>& ridges) {
  if (ridges.front() != "0" || ridges.size() < 2) return;
  const std::vector<RowsOfCase> with = with_ridge(table, cases, ridges.back()), without = with_ridge(table, cases, "0");
  std::string text;
  for (const RowsOfCase& one : with)
    for (const RowsOfCase& other : without)
      if (one.title == other.title)
        if (const std::string found = beside_no_ridge(table, one, other); !found.empty())
          text += (text.empty() ? "" : "; ") + found;
  if (!text.empty())
    out.paragraphs.push_back("<b>With a ridge the source claims nothing.</b> Measured " + said(ridges.back()) + ": " +
                             text + ".");
}

Table exponents(const Measurements& table, const std::vector<RowsOfCase>& cases,
                const std::vector<std::string>& ridges) {
  Table out;
  out.head = {"network"};
  for (const std::string& ridge : ridges) out.head.push_back(ridge == "0" ? "no ridge" : "ridge " + ridge);
  for (const RowsOfCase& one : cases) {
    std::vector<std::string> row = {one.title};
    for (const std::string& ridge : ridges) {
      const std::vector<RowsOfCase> rows = with_ridge(table, {one}, ridge);
      const PowerLaw law = rows.empty() ? PowerLaw{} : law_of(table, rows.front());
      row.push_back(rows.empty() || !std::isfinite(law.slope)
                        ? std::string("–")
                        : power(law.slope) + (std::isfinite(law.error) ? " ± " + fixed(law.error, 2) : "") + ", " +
                              percent(widest_difference(table, rows.front())));
    }
    out.rows.push_back(std::move(row));
  }
  return out;
}

// "71.3 ± 2.0 %"
std::string spread(const Mean& share) {
  return fixed(100 * share.value, 1) + (share.count > 1 ? " ± " + fixed(100 * share.deviation, 1) : "") + " %";
}

// A column of the networks themselves at one width.
std::vector<double> of_networks(const Measurements& networks, const RowsOfCase& one, double width,
                                const std::string& name) {
  std::vector<double> out;
  for (const Measurement& row : networks.rows())
    if (networks.key(row, "network") == one.network && networks.key(row, "data") == one.data &&
        networks.key(row, "n") == std::to_string(one.n) && std::stod(networks.key(row, "width")) == width)
      out.push_back(networks.value(row, name));
  return out;
}

// Mean accuracies against the width, of one case: those of the kernels without a ridge and with the greatest one.
Panel accuracies(const Measurements& table, const Measurements& networks, const RowsOfCase& one,
                 const std::vector<std::string>& tried) {
  Panel out{.title = one.title, .x_label = width_label, .y_label = "test accuracy, %", .series = {}};
  out.log_x = true;
  out.x_ticks = one.numbers(table, "width");
  for (const std::string& ridge : tried)
    for (const RowsOfCase& rows : with_ridge(table, {one}, ridge))
      for (const bool entk : {true, false}) {
        Series line;
        line.title = std::string(entk ? "eNTK" : "pNTK") + (ridge == "0" ? ", no ridge" : ", ridge " + ridge);
        line.color = entk ? entk_color : pntk_color;
        line.marker = entk ? 5 : 7;
        line.dashed = ridge != tried.front();
        for (const double width : out.x_ticks)
          line.points.emplace_back(
              width, 100 * mean_of(values_at(table, rows, width, entk ? "accuracy_entk" : "accuracy_pntk")).value);
        out.series.push_back(std::move(line));
      }
  Series itself{.title = "the trained network", .points = {}, .color = "#0b7a75", .marker = 13};
  for (const double width : out.x_ticks)
    if (const std::vector<double> at = of_networks(networks, one, width, "accuracy"); !at.empty())
      itself.points.emplace_back(width, 100 * mean_of(at).value);
  if (!itself.points.empty()) out.series.push_back(std::move(itself));
  return out;
}

Table numbers(const Measurements& table, const Measurements& networks, const std::vector<RowsOfCase>& cases,
              const std::vector<std::string>& ridges) {
  Table out;
  out.head = {"network",
              "ridge",
              "width",
              "difference of<br>predictions",
              "accuracy<br>eNTK",
              "accuracy<br>pNTK",
              "accuracy<br>network",
              "same class<br>from both"};
  for (const std::string& ridge : ridges)
    for (const RowsOfCase& one : with_ridge(table, cases, ridge))
      for (const double width : {one.numbers(table, "width").front(), one.numbers(table, "width").back()}) {
        const auto mean = [&](const char* name) { return mean_of(values_at(table, one, width, name)); };
        const std::vector<double> itself = of_networks(networks, one, width, "accuracy");
        out.rows.push_back(
            {one.title, ridge, grouped(width),
             significant(mean("difference").value) + " ± " + significant(mean("difference").deviation, 2),
             spread(mean("accuracy_entk")), spread(mean("accuracy_pntk")),
             itself.empty() ? std::string("–") : spread(mean_of(itself)), spread(mean("same_class"))});
      }
  return out;
}

std::string introduction(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  std::size_t rescued = 0, without = 0;
  for (const RowsOfCase& one : with_ridge(table, cases, "0"))
    for (const Measurement* row : one.rows) {
      ++without;
      rescued += table.value(*row, "ridge_used") > 0;
    }
  std::string out =
      "f(x) = f₀(x) + K(x, X) (K(X, X) + ridge)⁻¹ (Y − f₀(X)) with one-hot targets Y, by both kernels at "
      "initialization, "
      "judged on other images. Both get the same ridge, in units of the mean of the eNTK's diagonal.";
  if (rescued)
    out += " In " + grouped(static_cast<double>(rescued)) + " of " + plural(without, "regression") +
           " that should have no ridge, a kernel was not positive definite to rounding, and both got one of 10⁻⁶ or "
           "the least power of ten that was enough.";
  return out;
}

}  // namespace

Section report_regression(const Tables& tables) {
  const Measurements& table = tables.at("regression");
  Section out;
  out.title = "Kernel regression";
  const std::vector<RowsOfCase> cases = rows_by_case(table);
  if (cases.empty()) return out;
  out.paragraphs.push_back(introduction(table, cases));
  const std::vector<std::string> ridges = ridges_of(table);
  std::vector<Panel> differences, right;
  std::vector<std::string> ends = {ridges.front()};
  if (ridges.size() > 1) ends.push_back(ridges.back());
  for (const RowsOfCase& one : cases) right.push_back(accuracies(table, tables.at("networks"), one, ends));
  for (const std::string& ridge : ridges) {
    const std::vector<RowsOfCase> rows = with_ridge(table, cases, ridge);
    if (rows.empty()) continue;
    if (ridge == "0") add_claims(out, table, rows);
    differences.push_back(power_panel(table, rows, "width", column(table, "difference"), said(ridge),
                                      "‖f_{pNTK} − f_{eNTK}‖ / ‖f_{eNTK}‖", -0.5));
  }
  compare_ridges(out, table, cases, ridges);
  out.figures.push_back({draw(differences, 500, 430, 2),
                         "Relative difference of the predictions on test images against the width: a point for each "
                         "network, the power law of least squares, and dashed the slope −1/2.",
                         "Difference of predictions against the width"});
  out.figures.push_back({draw(right, 500, 390, 2), "Mean test accuracy of the regressions over the seeds.",
                         "Test accuracy against the width"});
  out.tables.emplace_back(exponents(table, cases, ridges),
                          "Exponent of the width of the difference of predictions with its standard error, and the "
                          "difference at the largest width, by the ridge.");
  out.tables.emplace_back(numbers(table, tables.at("networks"), cases, ridges),
                          "At the smallest and the largest width, with the standard deviation of one network. The "
                          "networks were trained on the same images by "
                          "Adam, to squared error, without a ridge.");
  return out;
}

}  // namespace xtangent::examples
