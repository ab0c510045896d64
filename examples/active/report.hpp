#pragma once

#include "examples/active/experiment.hpp"

namespace xtangent::examples {

/// What a run found, in a few lines for the terminal.
std::string active_summary(const ActiveStudy& study);
/// How two selections compare, by the accuracies averaged over the rounds in each seed: more only where the mean
/// difference is above two of its standard errors.
std::string say_selections(const ActiveStudy& study);
std::string say_foresight(const ActiveStudy& study);
std::string say_costs(const ActiveStudy& study);

std::string active_figure(const ActiveStudy& study);
std::string active_report(const ActiveStudy& study);
/// selection,seed,labels,accuracy
std::string active_csv(const ActiveStudy& study);

}  // namespace xtangent::examples
