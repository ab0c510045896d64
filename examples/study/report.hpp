#pragma once

#include <string>

#include "examples/study/part.hpp"

namespace xtangent::examples {

/// One page with everything that the tables have. Throws data_error where nothing was measured.
std::string study_report(const Tables& tables);

}  // namespace xtangent::examples
