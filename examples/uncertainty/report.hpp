#pragma once

#include "examples/uncertainty/experiment.hpp"

namespace xtangent::examples {

/// What a run found, in a few lines for the terminal.
std::string uncertainty_summary(const UncertaintyStudy& study);
std::string uncertainty_figure(const UncertaintyStudy& study);
std::string uncertainty_report(const UncertaintyStudy& study);
/// seed,method,accuracy,nll,brier,calibration,auroc,auroc_uncertainty,variance,noise,seconds
std::string uncertainty_csv(const UncertaintyStudy& study);
/// seed,method,set,image,label,confidence,uncertainty,nll,right; the other set has no labels.
std::string verdicts_csv(const UncertaintyStudy& study);
/// method,variance,log_evidence,nll
std::string variances_csv(const UncertaintyStudy& study);

}  // namespace xtangent::examples
