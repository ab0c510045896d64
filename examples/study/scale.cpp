// The kernel of all images of a set, as ./run scale has measured it: its tables become those of the study.
#include "examples/study/part.hpp"
#include "examples/study/scale_report.hpp"
#include "examples/study/workplace.hpp"

namespace xtangent::examples {
namespace {

const std::vector<std::pair<std::string, MeasurementColumns>>& tables() {
  static const std::vector<std::pair<std::string, MeasurementColumns>> out = {
      {"scale", {{"data", "network", "width", "weights", "kernel", "n", "ridge"}, {"tests", "accuracy", "difference"}}},
      {"scale_kernels",
       {{"data", "network", "width", "weights", "k", "exact_n"},
        {"frobenius", "pairs", "pairs_low", "pairs_high", "seconds", "peak_mib"}}}};
  return out;
}

// One for each table; none where ./run scale has left nothing. Each takes the place of the whole table, which may be
// that of another run.
std::vector<Unit> units(Workplace& place) {
  std::vector<Unit> out;
  for (const auto& [name, columns] : tables()) {
    const std::vector<Measurement> rows = Measurements(place.settings().scale / (name + ".csv"), columns).rows();
    if (rows.empty()) continue;
    Unit unit;
    unit.what = "table " + name + " of " + place.settings().scale.string();
    unit.table = name;
    unit.always = true;
    unit.seconds = 0.01;
    unit.measure = [rows] { return rows; };
    out.push_back(std::move(unit));
  }
  return out;
}

}  // namespace

Part scale_part() {
  return {.name = "scale",
          .what = "regression with all images of CIFAR-10, as ./run scale has measured it",
          .tables = tables(),
          .units = units,
          .report = report_scale};
}

}  // namespace xtangent::examples
