#pragma once

#include "examples/attribute/study.hpp"

namespace xtangent::examples {

/// The page, which needs nothing but itself.
std::string report_html(const Study& study);
/// What the program prints in the end.
std::string summary(const Study& study);

}  // namespace xtangent::examples
