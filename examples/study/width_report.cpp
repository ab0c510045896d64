#include "examples/study/width_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "examples/common/format.hpp"
#include "examples/common/statistics.hpp"
#include "examples/study/series.hpp"

namespace xtangent::examples {
namespace {

struct Compared {
  const char *claim, *title, *y_label;
  Quantity quantity;
  bool bounded;  ///< the theory bounds it by width^-1/2
};

std::vector<Compared> compared(const Measurements& table) {
  return {{"The relative difference ‖Θ − K⊗I‖/‖Θ‖ falls at least as fast as width<sup>−1/2</sup>", "the whole kernel",
           "‖Θ − K⊗I‖_F / ‖Θ‖_F", column(table, "frobenius"), true},
          {"The relative difference of the largest eigenvalues falls at least as fast as width<sup>−1/2</sup>",
           "largest eigenvalue", "|λ_{max}(K) − λ_{max}(Θ)| / λ_{max}(Θ)", end_difference(table, "lambda_max"), true},
          {"The smallest eigenvalues approach each other as the width grows, without a bound that is proved",
           "smallest eigenvalue", "|λ_{min}(K) − λ_{min}(Θ)| / λ_{min}(Θ)", end_difference(table, "lambda_min"), false},
          {"The condition numbers approach each other as the width grows, without a bound that is proved",
           "condition number", "|κ(K) − κ(Θ)| / κ(Θ)", condition_difference(table), false}};
}

void add_claims(Section& out, const Measurements& table, const std::vector<RowsOfCase>& cases) {
  for (const Compared& what : compared(table))
    for (const RowsOfCase& one : cases) {
      const PowerLaw law = fit_power_law({points_of(table, one.rows, "width", what.quantity)});
      if (!std::isfinite(law.slope)) continue;
      out.claims.push_back({what.claim, one.title, "exponent " + with_interval(law),
                            what.bounded ? falls_at_least_as(law, -0.5) : falls(law)});
    }
  for (const RowsOfCase& one : cases) {
    const PowerLaw on = fit_power_law({points_of(table, one.rows, "width", column(table, "diagonal"))}),
                   off = fit_power_law({points_of(table, one.rows, "width", column(table, "off_diagonal"))});
    if (!std::isfinite(on.slope)) continue;
    out.claims.push_back({"Diagonal entries of an O × O block grow linearly with the width", one.title,
                          "exponent " + with_interval(on), lies_between(on.low, on.high, 0.9, 1.1)});
    out.claims.push_back({"Entries off the diagonal stay bounded", one.title, "exponent " + with_interval(off),
                          lies_between(off.low, off.high, -INFINITY, 0.1)});
  }
}

// Why the diagonal does not grow linearly where it does not: its two parts.
void say_parts(Section& out, const Measurements& table, const std::vector<RowsOfCase>& cases) {
  const Quantity last = column(table, "last_layer"), rest = [&table](const Measurement&row) {
    return table.value(row, "diagonal") - table.value(row, "last_layer");
  };
  std::string text;
  for (const RowsOfCase& one : cases) {
    const PowerLaw of_last = fit_power_law({points_of(table, one.rows, "width", last)}),
                   of_rest = fit_power_law({points_of(table, one.rows, "width", rest)});
    if (!std::isfinite(of_last.slope) || !std::isfinite(of_rest.slope)) continue;
    const auto share = [&](double width) {
      return mean_at(points_of(table, one.rows, "width", last), width) /
             mean_at(points_of(table, one.rows, "width", column(table, "diagonal")), width);
    };
    const std::vector<double> widths = one.numbers(table, "width");
    text += (text.empty() ? "" : "; ") + escaped(one.title) + ": exponents " + short_exponent(of_last) + " and " +
            short_exponent(of_rest) + ", and those weights have " + percent(share(widths.front())) +
            " of the entry at width " + grouped(widths.front()) + " and " + percent(share(widths.back())) + " at " +
            grouped(widths.back());
  }
  if (!text.empty())
    out.paragraphs.push_back(
        "A diagonal entry is the part of the last layer's weights, the squared length of the last features, and that "
        "of "
        "all other parameters. Measured, in this order: " +
        text + ".");
}

std::vector<Panel> panels(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  std::vector<Panel> out;
  for (const Compared& what : compared(table))
    out.push_back(power_panel(table, cases, "width", what.quantity, what.title, what.y_label, -0.5));
  return out;
}

// The corner of the eNTK and of K (x) I at two widths, with the same colors for each width.
std::string heat_maps(const Measurements& table, const std::vector<RowsOfCase>& cases, bool first_block) {
  const RowsOfCase& one = cases.front();
  std::vector<HeatMap> maps;
  const std::string seed = table.key(*one.rows.back(), "seed");
  std::vector<double> widths = one.numbers(table, "width");
  if (widths.size() > 2) widths = {widths.front(), widths.back()};  // there may be those of a smaller study, too
  for (const double width : widths) {
    std::size_t order = 0;
    std::vector<const Measurement*> rows;
    for (const Measurement* row : one.rows)
      if (table.key(*row, "width") == std::to_string(static_cast<std::size_t>(width)) &&
          table.key(*row, "seed") == seed) {
        rows.push_back(row);
        order = std::max(order, static_cast<std::size_t>(std::atoi(table.key(*row, "row").c_str())) + 1);
      }
    const std::size_t outputs = order / one.n, side = first_block ? outputs : order;
    for (const char* kernel : {"entk", "pntk"}) {
      HeatMap map{.title = std::string(kernel[0] == 'e' ? "Θ" : "K⊗I") + ", width " + grouped(width),
                  .x_label = first_block ? "output" : "output of each image",
                  .y_label = "",
                  .values = Array<double>::zeros({side, side}),
                  .ticks = {},
                  .lines = {},
                  .diverging = true};
      for (const Measurement* row : rows) {
        const auto i = static_cast<std::size_t>(std::atoi(table.key(*row, "row").c_str())),
                   j = static_cast<std::size_t>(std::atoi(table.key(*row, "column").c_str()));
        if (i < side && j < side) map.values.mutable_data()[i * side + j] = table.value(*row, kernel);
      }
      for (std::size_t at = outputs; at < side; at += outputs) map.lines.push_back(static_cast<double>(at) - 0.5);
      maps.push_back(std::move(map));
    }
  }
  for (std::size_t i = 0; i + 1 < maps.size(); i += 2) {
    std::vector<HeatMap> pair = {maps[i], maps[i + 1]};
    equal_axes(pair);
    maps[i].greatest = maps[i + 1].greatest = pair[0].greatest;
  }
  return draw(maps, maps.size() > 2 ? 300 : 450, maps.size() > 2 ? 280 : 400);
}

Table numbers(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  Table out;
  out.head = {"network",
              "width",
              "relative<br>Frobenius",
              "λ<sub>max</sub><br>difference",
              "λ<sub>min</sub><br>difference",
              "condition<br>eNTK",
              "condition<br>pNTK",
              "diagonal<br>entry",
              "other<br>entry",
              "time<br>eNTK",
              "time<br>pNTK"};
  for (const RowsOfCase& one : cases)
    for (const double width : one.numbers(table, "width")) {
      const auto values = [&](const Quantity& quantity) {
        std::vector<double> at;
        for (const auto& [x, y] : points_of(table, one.rows, "width", quantity))
          if (x == width) at.push_back(y);
        return at;
      };
      const auto cell = [&](const Quantity& quantity, bool spread) {
        const std::vector<double> at = values(quantity);
        if (at.empty()) return std::string("singular");
        const Mean mean = mean_of(at);
        return significant(mean.value) +
               (spread && at.size() > 1 ? " ± " + significant(mean.deviation, 2) : std::string());
      };
      out.rows.push_back({one.title, grouped(width), cell(column(table, "frobenius"), true),
                          cell(end_difference(table, "lambda_max"), true),
                          cell(end_difference(table, "lambda_min"), true), cell(condition(table, "entk"), false),
                          cell(condition(table, "pntk"), false), cell(column(table, "diagonal"), false),
                          cell(column(table, "off_diagonal"), false),
                          seconds(mean_of(values(column(table, "seconds_entk"))).value),
                          seconds(mean_of(values(column(table, "seconds_pntk"))).value)});
    }
  return out;
}

// "fully connected, MNIST: 100 images, widths 64 to 2,048, 5 seeds"
std::string measured(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  std::string out = "Measured at initialization: ";
  for (const RowsOfCase& one : cases) {
    const std::vector<double> widths = one.numbers(table, "width"), seeds = one.numbers(table, "seed");
    out.append(&one == &cases.front() ? "" : "; ").append(escaped(one.title)).append(" with ");
    out.append(plural(one.n, "image")).append(", ").append(plural(widths.size(), "width")).append(" from ");
    out.append(grouped(widths.front())).append(" to ").append(grouped(widths.back())).append(" and ");
    out.append(plural(seeds.size(), "seed"));
  }
  return out +
         ". Exponents are those of a power law through the points of all widths and seeds, with the 95 % interval of "
         "the fit; they are those of these widths, and need not be those of the limit.";
}

}  // namespace

Section report_width(const Tables& tables) {
  const Measurements &table = tables.at("width"), &blocks = tables.at("blocks");
  Section out;
  out.title = "Growing width, at initialization";
  if (const std::vector<RowsOfCase> corners = rows_by_case(blocks); !corners.empty()) {
    out.figures.push_back({heat_maps(blocks, corners, true),
                           "One block of O × O numbers, an image with itself, and what the pNTK has in its place (" +
                               escaped(corners.front().title) + ").",
                           "Heat maps of one block of both kernels"});
    out.figures.push_back({heat_maps(blocks, corners, false), "The corner of the same kernels for three images.",
                           "Heat maps of a corner of both kernels"});
  }
  const std::vector<RowsOfCase> cases = rows_by_case(table);
  if (cases.empty()) return out;
  out.paragraphs.push_back(measured(table, cases));
  add_claims(out, table, cases);
  say_parts(out, table, cases);
  out.figures.push_back(
      {draw(panels(table, cases), 500, 430, 2),
       "Relative differences of the two kernels against the width: a point for each network, the power "
       "law of least squares, and dashed the slope −1/2.",
       "Relative differences against the width"});
  out.figures.push_back(
      {draw({power_panel(table, cases, "width", column(table, "diagonal"), "on the diagonal", "mean |entry|", 1),
             power_panel(table, cases, "width", column(table, "off_diagonal"), "off the diagonal", "mean |entry|", 0)},
            500, 430),
       "Mean absolute entries of the blocks of images with themselves.", "Entries of blocks against the width"});
  out.tables.emplace_back(numbers(table, cases), "Means over the seeds, with the standard deviation of one network.");
  return out;
}

}  // namespace xtangent::examples
