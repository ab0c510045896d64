#pragma once

#include <gnuplot-iostream.h>

#include <cmath>
#include <functional>
#include <string>
#include <tuple>

/// What figures share of gnuplot: how it is run, and the words that are sent to it.
namespace xtangent::examples {

/// The colors of texts and of axes.
inline constexpr const char *ink = "#27313f", *pale = "#8b95a5";

/// A text for gnuplot. Within double quotes it would execute what stands between backticks.
std::string quoted(const std::string& text);

/// Runs gnuplot on what `plot` sends it and returns the figure, an element of a page. Throws error when gnuplot draws
/// none.
std::string run_gnuplot(int width, int height, const std::function<void(Gnuplot&)>& plot);

/// Sets the title of a plot and the names of its axes.
void label(Gnuplot& gp, const std::string& title, const std::string& x, const std::string& y);

/// Hands over rows of numbers under a name that begins with $. Within a multiplot gnuplot 6 does not take data that
/// follow a plot.
template <class Rows>
void define(Gnuplot& gp, const std::string& name, const Rows& rows) {
  const auto number = [&](double x) {
    if (std::isnan(x))
      gp << "nan ";  // without a sign
    else
      gp << x << ' ';
  };
  gp << name << " << end\n";
  for (const auto& row : rows) {
    std::apply([&](auto... x) { (number(x), ...); }, row);
    gp << "\n";
  }
  gp << "end\n";
}

}  // namespace xtangent::examples
