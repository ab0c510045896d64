#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "examples/common/claims.hpp"
#include "examples/common/measurements.hpp"
#include "examples/common/page.hpp"

/// The study is a list of parts. A part is a list of units, which are measured one at a time, and a section of the
/// report, which is made from what stands in the tables alone.
namespace xtangent::examples {

class Workplace;

/// Something that is measured at once and leaves some rows of a table.
struct Unit {
  std::string what;               ///< for the bar
  std::string table;              ///< name of the table
  std::vector<std::string> keys;  ///< with which its rows begin
  std::size_t rows = 1;           ///< how many it leaves; with fewer it is measured again
  bool always = false;            ///< it is measured again in any case
  double seconds = 0;             ///< estimated
  std::function<std::vector<Measurement>()> measure;
};

struct ReportFigure {
  std::string svg, caption, label;
};

/// A section of the report. Texts are HTML.
struct Section {
  std::string title;
  std::vector<std::string> paragraphs;
  std::vector<Claim> claims;
  std::vector<ReportFigure> figures;
  std::vector<std::pair<Table, std::string>> tables;  ///< with captions
  std::vector<ReportFigure> more_figures;             ///< behind the tables
};

/// Tables by name.
using Tables = std::map<std::string, Measurements>;

struct Part {
  std::string name, what;                                               ///< for --help and the plan
  std::vector<std::pair<std::string, MeasurementColumns>> tables = {};  ///< file NAME.csv for each
  std::vector<Unit> (*units)(Workplace&) = nullptr;
  /// The section, without claims and figures where nothing was measured.
  Section (*report)(const Tables&) = nullptr;
};

/// All parts, in the order of the report.
const std::vector<Part>& study_parts();

Part width_part();
Part training_part();
Part readouts_part();
Part regression_part();
Part cost_part();
Part scale_part();

}  // namespace xtangent::examples
