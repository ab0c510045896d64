#include "examples/study/cost_report.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/format.hpp"
#include "examples/study/series.hpp"

namespace xtangent::examples {
namespace {

constexpr double authors_least = 930, authors_most = 3100;

// One of the three series: the rows of the images and the smallest sizes that were measured last.
struct CostSeries {
  std::string series, key, x_label;
  std::vector<const Measurement*> rows = {};
};

std::vector<CostSeries> series_of(const Measurements& table) {
  std::vector<CostSeries> out = {
      {"outputs", "outputs", "outputs O"}, {"images", "n", "images N"}, {"depth", "depth", "layers of the ResNet"}};
  for (CostSeries& one : out) {
    // What stays the same within a series. Of several sizes those that were measured last count.
    const auto sizes = [&](const Measurement& row) {
      std::string out = table.key(row, "data") + " " + table.key(row, "channels");
      for (const char* key : {"n", "depth", "outputs"})
        if (key != one.key) out += " " + table.key(row, key);
      return out;
    };
    for (const Measurement& row : table.rows())
      if (table.key(row, "series") == one.series) one.rows.push_back(&row);
    const std::string last = one.rows.empty() ? "" : sizes(*one.rows.back());
    std::erase_if(one.rows, [&](const Measurement* row) { return sizes(*row) != last; });
  }
  std::erase_if(out, [](const CostSeries& one) { return one.rows.empty(); });
  return out;
}

PowerLaw law_of(const Measurements& table, const CostSeries& one, const std::string& name) {
  return fit_power_law({points_of(table, one.rows, one.key, column(table, name))});
}

Panel panel(const Measurements& table, const CostSeries& one, const std::string& what) {
  Panel out{.title = what + " against " + one.x_label,
            .x_label = one.x_label,
            .y_label = what == "bytes" ? "MiB" : what,
            .series = {}};
  out.log_x = out.log_y = true;
  for (const bool entk : {true, false}) {
    const std::string name = what + (entk ? "_entk" : "_pntk");
    Series line;
    line.points = points_of(table, one.rows, one.key, column(table, name));
    if (what == "bytes")
      for (auto& point : line.points) point.second /= 1024.0 * 1024.0;
    line.title = std::string(entk ? "eNTK, " : "pNTK, ") + short_slope(law_of(table, one, name));
    line.color = entk ? entk_color : pntk_color;
    line.marker = entk ? 5 : 7;
    for (const auto& point : line.points) out.x_ticks.push_back(point.first);
    out.series.push_back(std::move(line));
  }
  std::sort(out.x_ticks.begin(), out.x_ticks.end());
  out.x_ticks.erase(std::unique(out.x_ticks.begin(), out.x_ticks.end()), out.x_ticks.end());
  return out;
}

// "ResNet18, channels times 8/64, 8 images, 200 outputs"
std::string sizes_of(const Measurements& table, const Measurement& row) {
  return "ResNet" + table.key(row, "depth") + " with channels times " + table.key(row, "channels") + "/64, " +
         table.key(row, "n") + " images, " + table.key(row, "outputs") + " outputs";
}

void add_claims(Section& out, const Measurements& table, const CostSeries& one) {
  const auto claim = [&](const std::string& words, const std::string& name, double least, double greatest) {
    const PowerLaw law = law_of(table, one, name);
    if (!std::isfinite(law.slope)) return;
    out.claims.push_back(
        {words, "", "exponent " + with_interval(law), lies_between(law.low, law.high, least, greatest)});
  };
  if (one.series == "outputs") {
    claim(
        "The time of the eNTK grows with the outputs by an exponent between 1, that of the sweeps, and 2, that of the "
        "contraction",
        "seconds_entk", 1, 2);
    claim("The memory of the eNTK grows with the outputs by an exponent of 2 at most", "bytes_entk", 0, 2);
    claim("The time of the pNTK does not grow with the outputs", "seconds_pntk", -INFINITY, 0.1);
    claim("The memory of the pNTK does not grow with the outputs", "bytes_pntk", -INFINITY, 0.1);
  }
  if (one.series == "images")
    for (const bool entk : {true, false})
      claim(std::string("The time of the ") + (entk ? "eNTK" : "pNTK") +
                " grows with the images by an exponent between 1 and 2",
            entk ? "seconds_entk" : "seconds_pntk", 1, 2);
}

// The ratios at the most outputs, and what the time of the eNTK consists of there.
void say_ratios(Section& out, const Measurements& table, const CostSeries& one) {
  const Measurement& most = **std::max_element(one.rows.begin(), one.rows.end(), [&](auto* a, auto* b) {
    return std::stod(table.key(*a, "outputs")) < std::stod(table.key(*b, "outputs"));
  });
  const auto ratio = [&](const std::string& name) {
    return table.value(most, name + "_entk") / table.value(most, name + "_pntk");
  };
  const double sweeps = table.value(most, "sweep_flop_entk"), products = table.value(most, "contraction_flop_entk");
  out.paragraphs.push_back(
      "At " + sizes_of(table, most) + " the eNTK took " + seconds(table.value(most, "seconds_entk")) + " and " +
      bytes(table.value(most, "bytes_entk")) + ", the pNTK " + seconds(table.value(most, "seconds_pntk")) + " and " +
      bytes(table.value(most, "bytes_pntk")) + ": <b>" + significant(ratio("seconds"), 2) + " times the time and " +
      significant(ratio("bytes"), 2) + " times the memory</b>. The authors measured " + grouped(authors_least) +
      " to " + grouped(authors_most) + " times the time at 200 outputs, with other programs and on larger ResNets.");
  const double share = sweeps / (sweeps + products);
  out.paragraphs.push_back("By the plan's count, " + percent(share) +
                           " of the operations of that eNTK are sweeps, which grow with O, and " + percent(1 - share) +
                           " are contractions, which grow with O². Fitted to the counts: sweeps O<sup>" +
                           power(law_of(table, one, "sweep_flop_entk").slope) + "</sup>, contractions O<sup>" +
                           power(law_of(table, one, "contraction_flop_entk").slope) + "</sup>.");
  const Quadratic time = fit_quadratic(points_of(table, one.rows, one.key, column(table, "seconds_entk")));
  if (!std::isfinite(time.miss)) return;
  const auto part = [&](std::size_t i) {
    const auto [share, error] = time.share(i, std::stod(table.key(most, "outputs")));
    return fixed(100 * share, 1) + " ± " + fixed(100 * error, 1) + " %";
  };
  out.paragraphs.push_back("By the clock, " + part(1) + " of the time of that eNTK grow with O, as sweeps do, and " +
                           part(2) + " with O², as contractions do; " + part(0) +
                           " do not depend on it. These are the terms of c + aO + bO² at these outputs, fitted to the "
                           "seconds by least squares of the relative errors, which are up to " +
                           significant(100 * time.miss, 2) + " %; ± is the standard error.");
}

// What the source gives no exponent for.
void say_exponents(Section& out, const Measurements& table, const CostSeries& one) {
  const auto exponent = [&](const char* name) { return with_interval(law_of(table, one, name)); };
  if (!std::isfinite(law_of(table, one, "seconds_entk").slope)) return;
  if (one.series == "depth")
    out.paragraphs.push_back("Against the depth, the time of the eNTK grows by an exponent of " +
                             exponent("seconds_entk") + ", that of the pNTK by " + exponent("seconds_pntk") + ".");
  if (one.series == "images")
    out.paragraphs.push_back("Against the images the memory of the eNTK grows by an exponent of " +
                             exponent("bytes_entk") + ", that of the pNTK by " + exponent("bytes_pntk") + ".");
}

Table numbers(const Measurements& table, const std::vector<CostSeries>& all) {
  Table out;
  out.head = {"what grows",   "network", "images",         "outputs",        "parameters", "time<br>eNTK",
              "time<br>pNTK", "ratio",   "memory<br>eNTK", "memory<br>pNTK", "ratio"};
  out.text_columns = 2;
  for (const CostSeries& one : all)
    for (const Measurement* row : one.rows) {
      const auto value = [&](const char* name) { return table.value(*row, name); };
      out.rows.push_back({one.series, "ResNet" + table.key(*row, "depth") + ", " + table.key(*row, "channels") + "/64",
                          table.key(*row, "n"), table.key(*row, "outputs"), grouped(value("parameters")),
                          seconds(value("seconds_entk")), seconds(value("seconds_pntk")),
                          significant(value("seconds_entk") / value("seconds_pntk"), 2), bytes(value("bytes_entk")),
                          bytes(value("bytes_pntk")), significant(value("bytes_entk") / value("bytes_pntk"), 2)});
    }
  return out;
}

}  // namespace

Section report_cost(const Tables& tables) {
  const Measurements& table = tables.at("cost");
  Section out;
  out.title = "Time and memory";
  const std::vector<CostSeries> all = series_of(table);
  if (all.empty()) return out;
  std::vector<Panel> panels;
  for (const char* what : {"seconds", "bytes"})
    for (const CostSeries& one : all) panels.push_back(panel(table, one, what));
  for (const CostSeries& one : all) {
    if (one.series == "outputs") say_ratios(out, table, one);
    add_claims(out, table, one);
    say_exponents(out, table, one);
  }
  out.figures.push_back(
      {draw(panels, 360, 380, all.size()),
       "Both kernels of residual networks between the same images. Times are the shorter of two runs.",
       "Time and memory against outputs, images and depth"});
  out.tables.emplace_back(numbers(table, all),
                          "Networks are the CIFAR variants with all numbers of channels times the "
                          "fraction that stands beside the name.");
  return out;
}

}  // namespace xtangent::examples
