#pragma once

#include <filesystem>
#include <string>

#include "examples/quickstart/experiment.hpp"

namespace xtangent::examples {

/// One page with all figures inside, which needs no other files.
std::string report_html(const Experiment& experiment);

/// The numbers for programs: data, n_train, widths, slope_frobenius (common to all networks at initialization), fits
/// (the slopes, each by itself) and networks.
std::string report_json(const Experiment& experiment);

/// The four panels that stand for the whole, as one SVG file.
std::string overview_svg(const Experiment& experiment);

/// A short table for the terminal.
std::string summary(const Experiment& experiment);

}  // namespace xtangent::examples
