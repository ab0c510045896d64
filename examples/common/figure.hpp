#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autodiff/array.hpp"

/// Figures as SVG text, drawn by gnuplot through gnuplot-iostream.
namespace xtangent::examples {

/// The colors of the two kernels in all figures.
inline constexpr const char *entk_color = "#c8641b", *pntk_color = "#1f5fbf";

/// Throws error unless gnuplot answers; call it before work whose results are to be drawn.
void require_gnuplot();

struct Series {
  std::string title;  ///< title in the legend; empty for none
  std::vector<std::pair<double, double>> points;
  std::string color = "#1f5fbf";
  int marker = 7;  ///< gnuplot's point type; 0 draws a line only
  bool dashed = false;
  bool line = true;
  double width = 0;  ///< width of the line; 0: 1.8, or 1.2 without markers
};

struct Panel {
  std::string title, x_label, y_label;
  std::vector<Series> series;
  std::vector<double> x_ticks = {};  ///< the ticks, if any are given
  bool log_x = false, log_y = false;
  std::pair<double, double> y_range{0, 0};  ///< the range of the data if both are equal
  std::pair<double, double> x_range{0, 0};
  std::vector<std::string> x_labels = {};  ///< of the ticks that are given; none: their numbers
};

struct HeatMap {
  std::string title, x_label, y_label;
  Array<double> values;                               ///< (rows, columns), row 0 on top
  std::vector<std::pair<std::string, double>> ticks;  ///< on both axes, at row and column positions
  std::vector<double> lines;                          ///< drawn across both axes, at positions between rows
  bool diverging = false;  ///< colors symmetric about 0; otherwise from 0 to the greatest value
  bool vertical_y_ticks = false;
  double greatest = 0;  ///< end of the colors; 0: of the values
};

/// Horizontal bars with names, the first on top.
struct Bars {
  std::string title, x_label;
  std::vector<std::pair<std::string, double>> bars;
};

/// Values with intervals on horizontal lines with names, the first on top, beside a line at 0.
struct Intervals {
  struct Row {
    std::string name;
    double value = 0, low = 0, high = 0;
    std::string color = "#1f5fbf";
  };
  std::string title, x_label;
  std::vector<Row> rows;
  std::pair<double, double> x_range{-1, 1};
};

/// Gives panels that are to be compared the same vertical axis, and maps the same colors.
void equal_axes(std::vector<Panel>& panels);
void equal_axes(std::vector<HeatMap>& maps);

/// Panels of `width` by `height` pixels, or higher where a legend is long, `columns` side by side (0: all). Throws
/// error when gnuplot fails.
std::string draw(const std::vector<Panel>& panels, int width, int height, std::size_t columns = 0);
std::string draw(const std::vector<HeatMap>& maps, int width, int height);

std::string draw(const Bars& bars, int width, int height);
/// Panels of the same rows side by side, with the names on the left of the first.
std::string draw(const std::vector<Intervals>& panels, int width, int height);

/// A row of small gray images, (count, height, width) with values from 0 (paper) to 1 (ink), with captions below.
std::string draw_images(const Array<double>& images, const std::vector<std::string>& captions, int width, int height);

}  // namespace xtangent::examples
