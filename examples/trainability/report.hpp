#pragma once

#include "examples/trainability/experiment.hpp"

namespace xtangent::examples {

/// What a run found, in a few lines for the terminal.
std::string trainability_summary(const TrainabilityStudy& study);
/// Whether the condition number says which networks train, beside other things that are known before.
std::string say_condition(const TrainabilityStudy& study);
/// How many trainings rose at each of the tried rates, and where they began to.
std::string say_rates(const TrainabilityStudy& study);

std::string trainability_figure(const TrainabilityStudy& study);
std::string trainability_report(const TrainabilityStudy& study);
/// One line for each network.
std::string trainability_csv(const TrainabilityStudy& study);

}  // namespace xtangent::examples
