#pragma once

#include "examples/study/settings.hpp"

namespace xtangent::examples {

/// Shows the plan, measures what is missing in the tables of settings.out, and makes the report from them. Throws
/// option_error for names that are not known, data_error for tables that do not fit, or for a report of nothing, and
/// what reading images, kernels and trainings throw.
void run_study(const StudySettings& settings);

}  // namespace xtangent::examples
