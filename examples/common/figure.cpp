#include "examples/common/figure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>

#include "autodiff/error.hpp"
#include "examples/common/gnuplot.hpp"

namespace xtangent::examples {
namespace {

using Triples = std::vector<std::array<double, 3>>;

// Colors from white to deep blue, and from red over white to blue for values of both signs.
constexpr const char* sequential_palette =
    "0 '#f7fafd', 0.2 '#d3e4f3', 0.45 '#85bbdc', 0.7 '#3787bf', 0.9 '#0f549a', 1 '#072f63'";
constexpr const char* diverging_palette = "0 '#8f1d2c', 0.25 '#e0836a', 0.5 '#fbfaf8', 0.75 '#6aa6d1', 1 '#114a86'";

// A few pixels are rectangles, which every viewer shows with sharp edges. Many are one bitmap, since the file would be
// large.
const char* with_image(std::size_t pixels) { return pixels <= 2500 ? "with image pixels" : "with image"; }

// Whether the axes of a panel can show a point, and whether they can show any of a series.
bool drawable(const Panel& panel, const std::pair<double, double>& point) {
  const auto [x, y] = point;
  return std::isfinite(x) && std::isfinite(y) && (x > 0 || !panel.log_x) && (y > 0 || !panel.log_y);
}
bool drawable(const Panel& panel, const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(), [&](const auto& p) { return drawable(panel, p); });
}

// The range of the data of all panels, with a margin; (0, 0) without data that the axis can show.
std::pair<double, double> data_range(const std::vector<Panel>& panels) {
  double low = INFINITY, high = -INFINITY;
  bool logarithmic = false;
  for (const Panel& panel : panels) {
    logarithmic |= panel.log_y;
    for (const Series& s : panel.series)
      for (const auto& point : s.points)
        if (drawable(panel, point)) low = std::min(low, point.second), high = std::max(high, point.second);
  }
  if (!(low <= high)) return {0, 0};
  if (!logarithmic) return {low - 0.04 * (high - low), high + 0.04 * (high - low)};
  const double margin = std::pow(high / low, 0.06) * 1.1;
  return {low / margin, high * margin};
}

bool given(const std::pair<double, double>& range) { return range.first < range.second; }

// A logarithmic axis: powers of ten where it spans several of them, else 1, 2 and 5 times them, or other digits too
// where these are few.
void log_axis(Gnuplot& gp, const Panel& panel) {
  const auto [low, high] = given(panel.y_range) ? panel.y_range : data_range({panel});
  gp << "set logscale y\n";
  if (!(high > 0)) return;
  gp << "set yrange [" << low << ":" << high << "]\n";
  if (high / low > 500 || high > 3e4) {
    gp << "set format y '10^{%T}'\n";
    return;
  }
  gp << "set format y '%g'\nset ytics (";
  const std::vector<int> digits = high / low < 5 ? std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8} : std::vector<int>{1, 2, 5};
  bool first = true;
  for (int power = static_cast<int>(std::floor(std::log10(low))) - 1; power <= std::log10(high) + 1; ++power)
    for (int digit : digits) {
      gp << (first ? "" : ", ") << digit * std::pow(10.0, power);
      first = false;
    }
  gp << ")\n";
}

void log_x_axis(Gnuplot& gp, const Panel& panel) {
  gp << "set logscale x\n";
  double high = 0;
  for (const Series& series : panel.series)
    for (const auto& point : series.points)
      if (drawable(panel, point)) high = std::max(high, point.first);
  if (high > 3e4 && panel.x_ticks.empty()) gp << "set format x '10^{%T}'\n";
}

std::size_t letters(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Rows and columns of the legend below the axis: two columns, unless the longest title is too long for half of the
// panel, with 7 pixels a letter and 60 for the line before it.
std::pair<std::size_t, std::size_t> legend(const Panel& panel, int width) {
  std::size_t titles = 0, longest = 0;
  for (const Series& series : panel.series) {
    titles += !series.title.empty();
    longest = std::max(longest, letters(series.title));
  }
  const std::size_t columns = longest > 25 || 2 * (7 * longest + 60) > static_cast<std::size_t>(width) ? 1 : 2;
  return {(titles + columns - 1) / columns, columns};
}

void axes(Gnuplot& gp, const Panel& panel, int width) {
  const auto [rows, columns] = legend(panel, width);
  label(gp, panel.title, panel.x_label, panel.y_label);
  gp << "unset logscale\nset format '%g'\nset xtics auto\nset ytics auto\nset autoscale\nset offsets 0,0,0,0\n"
     << "set key bmargin center horizontal maxcols " << columns << " Left reverse width 1 textcolor rgb '" << ink
     << "' samplen 2.2 spacing 1.15 font ',12'\nset bmargin " << 3.8 + 1.07 * static_cast<double>(rows) << "\n";
  if (panel.log_x) log_x_axis(gp, panel);
  if (panel.log_y) log_axis(gp, panel);
  if (!panel.x_ticks.empty()) {
    gp << "set xtics (";
    for (std::size_t i = 0; i < panel.x_ticks.size(); ++i)
      gp << (i ? ", " : "") << (panel.x_labels.empty() ? "" : quoted(panel.x_labels[i]) + " ") << panel.x_ticks[i];
    const double margin = panel.log_x ? 1.25 : 1.0;
    gp << ")\nset xrange [" << panel.x_ticks.front() / margin << ":" << panel.x_ticks.back() * margin << "]\n";
  }
  if (given(panel.y_range)) gp << "set yrange [" << panel.y_range.first << ":" << panel.y_range.second << "]\n";
  if (given(panel.x_range)) gp << "set xrange [" << panel.x_range.first << ":" << panel.x_range.second << "]\n";
}

void plot(Gnuplot& gp, const Panel& panel, int width) {
  axes(gp, panel, width);
  const auto name = [](std::size_t i) { return "$series" + std::to_string(i); };
  bool any = false;
  for (std::size_t i = 0; i < panel.series.size(); ++i) {
    if (!drawable(panel, panel.series[i])) continue;
    define(gp, name(i), panel.series[i].points);
    any = true;
  }
  // gnuplot warns of data without a point. Such a series is in the legend only. Without any series, a line far outside
  // stands for the data, and ranges that would follow from them are made up.
  if (!any && panel.x_ticks.empty() && !given(panel.x_range)) gp << "set xrange [1:10]\n";
  if (!any && !given(panel.y_range)) gp << "set yrange [1:10]\n";
  gp << "plot " << (any ? "" : "1e300 notitle");
  for (std::size_t i = 0; i < panel.series.size(); ++i) {
    const Series& s = panel.series[i];
    gp << (i || !any ? ", " : "") << (drawable(panel, s) ? name(i) : "keyentry") << " with "
       << (s.marker == 0 ? "lines"
           : s.line      ? "linespoints"
                         : "points");
    if (s.marker != 0) gp << " pointtype " << s.marker << " pointsize 0.75";
    if (s.line)
      gp << " dashtype " << (s.dashed ? "(7,5)" : "1") << " linewidth "
         << (s.width > 0     ? s.width
             : s.marker == 0 ? 1.2
                             : 1.8);
    gp << " linecolor rgb '" << s.color << "' "
       << (s.title.empty() ? std::string("notitle") : "title " + quoted(s.title));
  }
  gp << "\n";
}

Triples triples(const Array<double>& values) {
  const std::size_t rows = values.shape()[0], columns = values.shape()[1];
  Triples out;
  out.reserve(rows * columns);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      out.push_back({static_cast<double>(j), static_cast<double>(i), values[i * columns + j]});
  return out;
}

void plot(Gnuplot& gp, const HeatMap& map, int) {
  const std::size_t rows = map.values.shape()[0], columns = map.values.shape()[1];
  const auto [least, greatest] = std::minmax_element(map.values.data(), map.values.data() + map.values.size());
  const double bound = map.greatest > 0 ? map.greatest : std::max(std::abs(*least), std::abs(*greatest));
  const double low = map.diverging ? -bound : 0.0, high = bound;
  label(gp, map.title, map.x_label, map.y_label);
  gp << "unset key\nunset grid\nset border 0\nset size ratio "
     << static_cast<double>(rows) / static_cast<double>(columns)
     << "\nset tics scale 0\nset xrange [-0.5:" << static_cast<double>(columns) - 0.5 << "]\nset yrange ["
     << static_cast<double>(rows) - 0.5 << ":-0.5]\n"
     << "set palette defined (" << (map.diverging ? diverging_palette : sequential_palette) << ")\n"
     << "set cbrange [" << low << ":" << (high > low ? high : low + 1) << "]\n"
     << "set colorbox user origin graph 1.04, graph 0 size graph 0.035, graph 1 noborder\n"
     << "set cbtics font ',11' textcolor rgb '" << ink << "'\nunset arrow\n";
  for (const char* axis : {"x", "y"}) {
    gp << "set " << axis << "tics " << (map.vertical_y_ticks && *axis == 'y' ? "rotate by 90 center (" : "norotate (");
    for (std::size_t i = 0; i < map.ticks.size(); ++i)
      gp << (i ? ", " : "") << quoted(map.ticks[i].first) << " " << map.ticks[i].second;
    gp << ")\n";
  }
  for (double at : map.lines)
    gp << "set arrow from " << at << ",graph 0 to " << at << ",graph 1 nohead front linecolor rgb '" << pale
       << "' linewidth 0.8\nset arrow from graph 0,first " << at << " to graph 1,first " << at
       << " nohead front linecolor rgb '" << pale << "' linewidth 0.8\n";
  define(gp, "$map", triples(map.values));
  gp << "plot $map using 1:2:3 " << with_image(rows * columns) << "\n";
}

void plot(Gnuplot& gp, const Intervals& panel, bool with_names) {
  label(gp, panel.title, panel.x_label, "");
  gp << "unset key\nset border 1\nset bars small\nset xrange [" << panel.x_range.first << ":" << panel.x_range.second
     << "]\nset yrange [" << static_cast<double>(panel.rows.size()) - 0.4
     << ":-0.6]\nset grid noytics xtics\nset ytics scale 0 (";
  for (std::size_t i = 0; i < panel.rows.size(); ++i)
    gp << (i ? ", " : "") << quoted(with_names ? panel.rows[i].name : "") << " " << i;
  gp << ") noenhanced\nunset arrow\nset arrow from 0,graph 0 to 0,graph 1 nohead linecolor rgb '" << pale << "'\n";
  const auto name = [](std::size_t i) { return "$row" + std::to_string(i); };
  for (std::size_t i = 0; i < panel.rows.size(); ++i) {
    const Intervals::Row& row = panel.rows[i];
    define(gp, name(i), std::vector<std::array<double, 4>>{{row.value, static_cast<double>(i), row.low, row.high}});
  }
  gp << "plot ";
  for (std::size_t i = 0; i < panel.rows.size(); ++i)
    gp << (i ? ", " : "") << name(i) << " with xerrorbars pointtype 7 pointsize 0.8 linewidth 1.6 linecolor rgb '"
       << panel.rows[i].color << "'";
  gp << "\n";
}

template <class P>
std::string draw_grid(const std::vector<P>& panels, int width, int height, std::size_t columns) {
  if (columns == 0) columns = panels.size();
  const std::size_t rows = (panels.size() + columns - 1) / columns;
  return run_gnuplot(width * static_cast<int>(columns), height * static_cast<int>(rows), [&](Gnuplot& gp) {
    gp << "set multiplot layout " << rows << "," << columns << "\n";
    for (const P& panel : panels) plot(gp, panel, width);
  });
}

}  // namespace

void require_gnuplot() {
  if (std::system("gnuplot --version >/dev/null 2>&1") != 0)
    throw error("[draw] gnuplot does not start. The figures need it: apt-get install gnuplot-nox.");
}

void equal_axes(std::vector<Panel>& panels) {
  const std::pair<double, double> range = data_range(panels);
  for (Panel& panel : panels) panel.y_range = range;
}

void equal_axes(std::vector<HeatMap>& maps) {
  double greatest = 0;
  for (const HeatMap& map : maps)
    for (std::size_t i = 0; i < map.values.size(); ++i) greatest = std::max(greatest, std::abs(map.values[i]));
  for (HeatMap& map : maps) map.greatest = greatest;
}

// A long legend makes the panels higher, since the room for the data would be a strip.
std::string draw(const std::vector<Panel>& panels, int width, int height, std::size_t columns) {
  constexpr std::size_t usual_rows = 5, row_height = 21;
  std::size_t rows = usual_rows;
  for (const Panel& panel : panels) rows = std::max(rows, legend(panel, width).first);
  return draw_grid(panels, width, height + static_cast<int>(row_height * (rows - usual_rows)), columns);
}

std::string draw(const std::vector<HeatMap>& maps, int width, int height) { return draw_grid(maps, width, height, 0); }

// The names stand once, on the left.
std::string draw(const std::vector<Intervals>& panels, int width, int height) {
  std::size_t longest = 0;
  for (const Intervals& panel : panels)
    for (const Intervals::Row& row : panel.rows) longest = std::max(longest, row.name.size());
  const int whole = width * static_cast<int>(panels.size());
  const double left = 7.5 * static_cast<double>(longest + 1) / whole, between = 40.0 / whole;
  return run_gnuplot(whole, height, [&](Gnuplot& gp) {
    gp << "set multiplot layout 1," << panels.size() << " margins " << left << "," << 1 - between / 2 << ","
       << 70.0 / height << "," << 1 - 50.0 / height << " spacing " << between << ",0\n";
    for (const Intervals& panel : panels) plot(gp, panel, &panel == &panels.front());
  });
}

std::string draw(const Bars& bars, int width, int height) {
  return run_gnuplot(width, height, [&](Gnuplot& gp) {
    std::size_t longest = 0;
    Triples values;
    double greatest = 0;
    for (std::size_t i = 0; i < bars.bars.size(); ++i) {
      longest = std::max(longest, bars.bars[i].first.size());
      greatest = std::max(greatest, bars.bars[i].second);
      values.push_back({bars.bars[i].second, static_cast<double>(i), 0});
    }
    label(gp, bars.title, bars.x_label, "");
    gp << "unset key\nset border 1\nset lmargin " << longest + 2
       << "\nset xrange [0:" << (greatest > 0 ? 1.12 * greatest : 1) << "]\nset yrange ["
       << static_cast<double>(values.size()) - 0.4 << ":-0.6]\nset ytics scale 0 (";
    for (std::size_t i = 0; i < values.size(); ++i) gp << (i ? ", " : "") << quoted(bars.bars[i].first) << " " << i;
    gp << ") noenhanced\nunset grid\nset grid xtics linecolor rgb '#e6eaf0' linetype 1 linewidth 0.8\n";
    define(gp, "$bars", values);
    gp << "plot $bars using (0.5*$1):2:(0.5*$1):(0.34) with boxxyerror fillstyle solid 1.0 noborder linecolor rgb "
          "'#1f5fbf', $bars using 1:2:(sprintf('%.3g', $1)) with labels left offset 0.6,0 font ',11' textcolor rgb '"
       << ink << "'\n";
  });
}

std::string draw_images(const Array<double>& images, const std::vector<std::string>& captions, int width, int height) {
  const std::size_t count = images.shape()[0], rows = images.shape()[1], columns = images.shape()[2];
  return run_gnuplot(width, height, [&](Gnuplot& gp) {
    gp << "set multiplot layout 1," << count << " margins 0.005,0.995,0.16,0.98 spacing 0.012,0\n"
       << "unset key\nunset tics\nunset colorbox\nunset grid\nset border 15 linecolor rgb '#dfe4ea'\n"
       << "set palette defined (0 '#ffffff', 1 '" << ink << "')\nset cbrange [0:1]\nset size ratio -1\n"
       << "set xrange [-0.5:" << static_cast<double>(columns) - 0.5 << "]\nset yrange ["
       << static_cast<double>(rows) - 0.5 << ":-0.5]\n";
    for (std::size_t i = 0; i < count; ++i) {
      define(gp, "$image", triples(images.rows(i, i + 1).reshaped({rows, columns})));
      gp << "set xlabel " << quoted(captions[i]) << " textcolor rgb '" << ink << "' offset 0,0.7\n"
         << "plot $image using 1:2:3 " << with_image(count * rows * columns) << "\n";
    }
  });
}

}  // namespace xtangent::examples
