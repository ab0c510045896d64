#pragma once

#include <string>

#include "examples/quickstart/experiment.hpp"

/// The figures of the quickstart's report, as SVG text.
namespace xtangent::examples {

std::string images_figure(const Experiment& experiment);
std::string pair_figure(const Experiment& experiment);
std::string matrices_figure(const Experiment& experiment);
std::string frobenius_figure(const Experiment& experiment);
std::string spectrum_figure(const Experiment& experiment);
std::string accuracy_figure(const Experiment& experiment);
std::string cost_figure(const Experiment& experiment);
std::string overview_figure(const Experiment& experiment);

/// The kinds of networks in the order in which they were run: "fully connected", "convolutional".
std::vector<std::string> kinds(const Experiment& experiment);
/// The results of one kind, width by width.
std::vector<const NetworkResult*> of_kind(const Experiment& experiment, const std::string& name);

}  // namespace xtangent::examples
