#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "examples/common/figure.hpp"
#include "examples/common/fit.hpp"
#include "examples/common/measurements.hpp"

/// What the sections of the report share: rows by network and images, and panels of quantities against the width.
namespace xtangent::examples {

using Points = std::vector<std::pair<double, double>>;
/// A number made of a row; NaN where the row has none.
using Quantity = std::function<double(const Measurement&)>;

/// "CIFAR-10" for cifar10; a folder's own name.
std::string title_of_data(const std::string& name);

/// Rows of one network on one set of images with the same number of images.
struct RowsOfCase {
  std::string title;  ///< "ResNet18, CIFAR-10"
  std::string network, data;
  std::size_t n = 0;
  std::vector<const Measurement*> rows = {};
  std::size_t style = 0;  ///< by which the same case has the same color in all figures

  std::vector<double> numbers(const Measurements& table, const std::string& key) const;  ///< different, ascending
};

/// The rows in the order of the networks. Where numbers of images differ, those of the last row count, so that a
/// section shows what was measured last.
std::vector<RowsOfCase> rows_by_case(const Measurements& table);

/// A quantity of some rows against a key that is a number, such as the width.
Points points_of(const Measurements& table, const std::vector<const Measurement*>& rows, const std::string& key,
                 const Quantity& quantity);
/// The quantity of a column.
Quantity column(const Measurements& table, const std::string& name);

/// |pNTK - eNTK| / eNTK of the columns NAME_entk and NAME_pntk, such as lambda_max; NaN where the eNTK's is not
/// positive.
Quantity end_difference(const Measurements& table, const std::string& name);
/// The condition number of a kernel, "entk" or "pntk"; NaN where it is singular.
Quantity condition(const Measurements& table, const std::string& kernel);
Quantity condition_difference(const Measurements& table);  ///< |pNTK - eNTK| / eNTK
/// "-0.50 ± 0.02": the exponent with its standard error, if it has one.
std::string short_exponent(const PowerLaw& law);

/// The geometric mean at each x, for lines through points of several seeds.
Points geometric_means(const Points& points);
double mean_at(const Points& points, double x);

/// A panel with all points of each case and the fitted power law; `exponent` other than 0 adds a line of that slope.
Panel power_panel(const Measurements& table, const std::vector<RowsOfCase>& cases, const std::string& key,
                  const Quantity& quantity, const std::string& title, const std::string& y_label, double exponent);

/// The line and the points of a series in the style of a case.
Series styled(const std::string& title, Points points, std::size_t style);

/// "width of the last hidden layer (features)"
extern const char* const width_label;
/// All values of a key that is a number, as ticks.
std::vector<double> ticks_of(const Measurements& table, const std::vector<RowsOfCase>& cases, const std::string& key);

}  // namespace xtangent::examples
