#pragma once

#include <string>

namespace xtangent::examples {

/// The name of the processor as Linux has it, or "unknown".
std::string processor();

}  // namespace xtangent::examples
