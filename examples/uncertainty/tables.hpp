#pragma once

#include "examples/common/page.hpp"
#include "examples/uncertainty/experiment.hpp"

namespace xtangent::examples {

/// Each method: accuracy and fit to the labels, how well it tells the other images apart, seconds.
Table methods_table(const UncertaintyStudy& study);
/// The variance that the evidence chooses, and the best one in hindsight.
Table variances_table(const UncertaintyStudy& study);

/// Sentences on the negative log-likelihood, on the other images, and on the choice of the variance.
std::string say_fit(const UncertaintyStudy& study);
std::string say_other(const UncertaintyStudy& study);
std::string say_evidence(const UncertaintyStudy& study);

}  // namespace xtangent::examples
