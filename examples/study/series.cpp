#include "examples/study/series.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>

#include "examples/common/claims.hpp"
#include "examples/common/format.hpp"
#include "examples/common/images.hpp"
#include "examples/study/networks.hpp"

namespace xtangent::examples {
namespace {

// A color and a marker for each network on the first set of images, and others on the second.
constexpr const char* colors[] = {"#0b7a75", "#c8641b", "#8a3ea8", "#1f5fbf",
                                  "#5fae9f", "#dfa05f", "#b98acb", "#7aa6dd"};
constexpr int markers[] = {7, 5, 9, 13, 6, 4, 8, 12};
constexpr const char* guide_color = "#9aa4b2";

double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

}  // namespace

std::string title_of_data(const std::string& name) {
  for (const ImageSet& set : image_sets())
    if (set.name == name) return name == "digits" ? "digits" : set.title;
  return name;
}

const char* const width_label = "width of the last hidden layer (features)";

std::vector<double> RowsOfCase::numbers(const Measurements& table, const std::string& key) const {
  std::set<double> out;
  for (const Measurement* row : rows) out.insert(number(table.key(*row, key)));
  return {out.begin(), out.end()};
}

std::vector<RowsOfCase> rows_by_case(const Measurements& table) {
  std::vector<RowsOfCase> out;
  std::vector<std::string> sets;
  for (const Measurement& row : table.rows())
    if (const std::string& data = table.key(row, "data"); std::find(sets.begin(), sets.end(), data) == sets.end())
      sets.push_back(data);
  for (std::size_t k = 0; k < study_networks().size(); ++k)
    for (std::size_t d = 0; d < sets.size(); ++d) {
      const StudyNetwork& network = study_networks()[k];
      RowsOfCase one{.title = network.title + ", " + title_of_data(sets[d]), .network = network.name, .data = sets[d]};
      one.style = 4 * d + k;
      for (const Measurement& row : table.rows())
        if (table.key(row, "network") == network.name && table.key(row, "data") == sets[d]) one.rows.push_back(&row);
      const std::string n = one.rows.empty() ? "" : table.key(*one.rows.back(), "n");
      std::erase_if(one.rows, [&](const Measurement* row) { return table.key(*row, "n") != n; });
      one.n = static_cast<std::size_t>(number(n));
      if (!one.rows.empty()) out.push_back(std::move(one));
    }
  return out;
}

Points points_of(const Measurements& table, const std::vector<const Measurement*>& rows, const std::string& key,
                 const Quantity& quantity) {
  Points out;
  for (const Measurement* row : rows)
    if (const double value = quantity(*row); std::isfinite(value))
      out.emplace_back(number(table.key(*row, key)), value);
  return out;
}

Quantity column(const Measurements& table, const std::string& name) {
  return [&table, name](const Measurement& row) { return table.value(row, name); };
}

Quantity end_difference(const Measurements& table, const std::string& name) {
  return [&table, name](const Measurement& row) {
    const double entk = table.value(row, name + "_entk");
    return entk > 0 ? std::abs(table.value(row, name + "_pntk") - entk) / entk : NAN;
  };
}

Quantity condition(const Measurements& table, const std::string& kernel) {
  return [&table, kernel](const Measurement& row) {
    const double least = table.value(row, "lambda_min_" + kernel);
    return least > 0 ? table.value(row, "lambda_max_" + kernel) / least : NAN;
  };
}

Quantity condition_difference(const Measurements& table) {
  return [entk = condition(table, "entk"), pntk = condition(table, "pntk")](const Measurement& row) {
    return std::abs(pntk(row) - entk(row)) / entk(row);
  };
}

std::string short_exponent(const PowerLaw& law) {
  return power(law.slope) + (std::isfinite(law.error) ? " ± " + fixed(law.error, 2) : std::string());
}

Points geometric_means(const Points& points) {
  std::map<double, std::pair<double, double>> sums;
  for (const auto& [x, y] : points)
    if (y > 0) {
      sums[x].first += std::log(y);
      sums[x].second += 1;
    }
  Points out;
  for (const auto& [x, sum] : sums) out.emplace_back(x, std::exp(sum.first / sum.second));
  return out;
}

double mean_at(const Points& points, double x) {
  double sum = 0, count = 0;
  for (const auto& point : points)
    if (point.first == x) {
      sum += point.second;
      ++count;
    }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> ticks_of(const Measurements& table, const std::vector<RowsOfCase>& cases, const std::string& key) {
  std::set<double> out;
  for (const RowsOfCase& one : cases)
    for (const double x : one.numbers(table, key)) out.insert(x);
  return {out.begin(), out.end()};
}

Series styled(const std::string& title, Points points, std::size_t style) {
  Series out;
  out.title = title;
  out.points = std::move(points);
  out.color = colors[style % std::size(colors)];
  out.marker = markers[style % std::size(markers)];
  return out;
}

Panel power_panel(const Measurements& table, const std::vector<RowsOfCase>& cases, const std::string& key,
                  const Quantity& quantity, const std::string& title, const std::string& y_label, double exponent) {
  Panel out{.title = title, .x_label = width_label, .y_label = y_label, .series = {}};
  out.x_ticks = ticks_of(table, cases, key);
  out.log_x = out.log_y = true;
  double top = 0;
  for (const RowsOfCase& one : cases) {
    const Points points = points_of(table, one.rows, key, quantity);
    const PowerLaw law = fit_power_law({points});
    Series dots = styled(one.title, points, one.style);
    dots.line = false;
    if (std::isfinite(law.slope)) dots.title.append(", ").append(short_slope(law));
    out.series.push_back(std::move(dots));
    const Points means = geometric_means(points);
    if (!means.empty()) top = std::max(top, means.front().second);
    if (!std::isfinite(law.slope)) continue;
    const auto at = [&](double x) { return std::exp(law.intercepts.front() + law.slope * std::log(x)); };
    Series line = styled(
        "", {{means.front().first, at(means.front().first)}, {means.back().first, at(means.back().first)}}, one.style);
    line.marker = 0;
    out.series.push_back(std::move(line));
  }
  if (exponent != 0 && out.x_ticks.size() > 1) {
    const double first = out.x_ticks.front(), last = out.x_ticks.back();
    out.series.push_back({exponent == -0.5 ? "slope −1/2"
                          : exponent == 1  ? "slope 1"
                                           : "slope " + std::to_string(exponent),
                          {{first, 1.2 * top}, {last, 1.2 * top * std::pow(last / first, exponent)}},
                          guide_color,
                          0,
                          true});
  }
  return out;
}

}  // namespace xtangent::examples
