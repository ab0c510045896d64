#include "examples/study/scale_report.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "examples/common/format.hpp"
#include "examples/study/networks.hpp"
#include "examples/study/series.hpp"

namespace xtangent::examples {
namespace {

// How a kernel of the table is drawn and called. Colors are for different numbers of images, the largest first.
struct KernelStyle {
  const char* name;
  const char* colors[4];
  int marker;
};
constexpr KernelStyle styles[] = {{"projected", {"#0b7a75", "#1f5fbf", "#7fa8e0", "#9aa4b2"}, 7},
                                  {"exact", {"#0b7a75", "#c8641b", "#e6b189", "#9aa4b2"}, 5}};

std::vector<std::string> different(const Measurements& table, const std::string& key) {
  std::vector<std::string> out;
  for (const Measurement& row : table.rows())
    if (const std::string& value = table.key(row, key); std::find(out.begin(), out.end(), value) == out.end())
      out.push_back(value);
  return out;
}

// Rows of one kind of weights and one kernel, of n images, or of any number.
std::vector<const Measurement*> rows_of(const Measurements& table, const std::string& weights,
                                        const std::string& kernel, const std::string& n = "") {
  std::vector<const Measurement*> out;
  for (const Measurement& row : table.rows())
    if (table.key(row, "weights") == weights && table.key(row, "kernel") == kernel &&
        (n.empty() || table.key(row, "n") == n))
      out.push_back(&row);
  return out;
}

// Numbers of images for which there are regressions, the largest first.
std::vector<std::string> sizes(const Measurements& table) {
  std::vector<std::string> out = different(table, "n");
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return std::stod(a) > std::stod(b); });
  return out;
}

std::string title_of(const Measurements& table, const std::string& weights) {
  const Measurement& row = table.rows().front();
  const std::string network = table.key(row, "network"), width = table.key(row, "width");
  const auto known = std::find_if(study_networks().begin(), study_networks().end(),
                                  [&](const StudyNetwork& one) { return one.name == network; });
  return (known == study_networks().end() ? network : known->title) +
         (width == "1" ? "" : ", channels times " + width) + ", " + title_of_data(table.key(row, "data")) + ", " +
         weights + " weights";
}

const Measurement* best(const Measurements& table, const std::vector<const Measurement*>& rows) {
  return rows.empty() ? nullptr : *std::max_element(rows.begin(), rows.end(), [&](auto* a, auto* b) {
    return table.value(*a, "accuracy") < table.value(*b, "accuracy");
  });
}

// A 95 % interval of the difference of two accuracies, as if their tests were independent, which is too wide where they
// are the same images.
std::pair<double, double> difference(const Measurements& table, const Measurement& a, const Measurement& b) {
  double variance = 0;
  for (const Measurement* row : {&a, &b}) {
    const double p = table.value(*row, "accuracy");
    variance += p * (1 - p) / table.value(*row, "tests");
  }
  const double mean = table.value(a, "accuracy") - table.value(b, "accuracy"), half = 1.96 * std::sqrt(variance);
  return {mean - half, mean + half};
}

void add_claim(Section& out, const Measurements& table, const std::string& words, const std::string& of,
               const Measurement& a, const Measurement& b) {
  const auto [low, high] = difference(table, a, b);
  out.claims.push_back({words, of,
                        percent(table.value(a, "accuracy")) + " and " + percent(table.value(b, "accuracy")) +
                            " of the test images; 95 % interval of the difference " + percent(low) + " to " +
                            percent(high),
                        lies_between(low, high, 0, INFINITY)});
}

void add_claims(Section& out, const Measurements& table, const std::string& weights) {
  const std::string of = escaped(title_of(table, weights));
  const std::vector<std::string> n = sizes(table);
  const Measurement* all = best(table, rows_of(table, weights, "projected", n.front()));
  if (!all) return;
  if (const Measurement* own = best(table, rows_of(table, weights, "network")))
    add_claim(
        out, table,
        "Regression with the projected pNTK of all images, at the best of its ridges, classifies at least as many test "
        "images as the network from whose weights it is made",
        of, *all, *own);
  const auto of_part = [&](const std::string& size) { return best(table, rows_of(table, weights, "exact", size)); };
  const auto part = std::find_if(n.begin(), n.end(), of_part);
  if (part != n.end())
    add_claim(out, table,
              "It classifies more of them correctly than the exact pNTK of the first " + grouped(std::stod(*part)) +
                  " images",
              of, *all, *of_part(*part));
}

void add_errors(Section& out, const Measurements& kernels) {
  for (const Measurement& row : kernels.rows()) {
    const auto value = [&](const char* name) { return kernels.value(row, name); };
    out.claims.push_back(
        {"Projected to " + grouped(std::stod(kernels.key(row, "k"))) +
             " numbers, entries of the kernel are within 1 % of the exact ones",
         escaped(title_of(kernels, kernels.key(row, "weights"))),
         "relative Frobenius error of 2,000 random pairs " + significant(value("pairs"), 2) + ", 95 % interval " +
             significant(value("pairs_low"), 2) + " to " + significant(value("pairs_high"), 2) + "; of all pairs of " +
             grouped(std::stod(kernels.key(row, "exact_n"))) + " images " + significant(value("frobenius"), 2),
         lies_between(value("pairs_low"), value("pairs_high"), 0, 0.01)});
    out.paragraphs.push_back("All phases of " + escaped(kernels.key(row, "weights")) + " weights took " +
                             fixed(value("seconds") / 3600, 1) + " hours and " +
                             bytes(value("peak_mib") * 1024 * 1024) + " at most.");
  }
}

// Accuracies against the ridge, for one kind of weights.
Panel accuracies(const Measurements& table, const std::string& weights) {
  Panel out{.title = weights + " weights",
            .x_label = "ridge, in units of the mean diagonal",
            .y_label = "test accuracy, %",
            .series = {}};
  out.log_x = true;
  const std::vector<std::string> all_sizes = sizes(table);
  for (std::size_t i = 0; i < all_sizes.size(); ++i)
    for (const KernelStyle& style : styles) {
      const std::string& n = all_sizes[i];
      Series line{.title = (i == 0 ? "all " : "") + grouped(std::stod(n)) + " images, " + style.name,
                  .points = points_of(table, rows_of(table, weights, style.name, n), "ridge",
                                      [&](const Measurement& row) { return 100 * table.value(row, "accuracy"); }),
                  .color = style.colors[std::min<std::size_t>(i, 3)],
                  .marker = style.marker,
                  .dashed = std::string(style.name) == "exact"};
      for (const auto& point : line.points) out.x_ticks.push_back(point.first);
      if (!line.points.empty()) out.series.push_back(std::move(line));
    }
  std::sort(out.x_ticks.begin(), out.x_ticks.end());
  out.x_ticks.erase(std::unique(out.x_ticks.begin(), out.x_ticks.end()), out.x_ticks.end());
  if (const Measurement* own = best(table, rows_of(table, weights, "network")); own && !out.x_ticks.empty()) {
    const double level = 100 * table.value(*own, "accuracy");
    out.series.push_back({.title = "the network itself",
                          .points = {{out.x_ticks.front(), level}, {out.x_ticks.back(), level}},
                          .color = "#9aa4b2",
                          .marker = 0,
                          .dashed = true});
  }
  return out;
}

Table numbers(const Measurements& table) {
  Table out;
  out.head = {"weights", "kernel", "images", "ridge", "tests", "accuracy", "predictions' difference<br>from the exact"};
  out.text_columns = 2;
  for (const Measurement& row : table.rows()) {
    const auto key = [&](const char* name) { return table.key(row, name); };
    const double away = table.value(row, "difference");
    out.rows.push_back({key("weights"), key("kernel"), grouped(std::stod(key("n"))),
                        key("kernel") == "network" ? std::string("–") : key("ridge"),
                        grouped(table.value(row, "tests")), percent(table.value(row, "accuracy")),
                        away > 0 ? significant(away, 2) : std::string("–")});
  }
  return out;
}

}  // namespace

Section report_scale(const Tables& tables) {
  const Measurements& table = tables.at("scale");
  Section out;
  out.title = "All images of a set";
  if (table.rows().empty()) return out;
  out.paragraphs.push_back(
      "Kernel regression with the pNTK of all training images, whose gradients were projected by sparse signs, beside "
      "the exact pNTK of the first of them; by <code>./run scale</code>.");
  add_errors(out, tables.at("scale_kernels"));
  std::vector<Panel> panels;
  for (const std::string& weights : different(table, "weights")) {
    add_claims(out, table, weights);
    panels.push_back(accuracies(table, weights));
  }
  out.figures.push_back({draw(panels, 500, 480), "Test accuracy of the regressions against their ridge.",
                         "Test accuracy against the ridge"});
  out.tables.emplace_back(numbers(table), "Ridges are in units of the mean of the kernel's diagonal.");
  return out;
}

}  // namespace xtangent::examples
