#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace xtangent::nn {

/// Those of the lines of metrics that were written before a training came to epoch `epoch` after `step` updates. Lines
/// that are cut off or damaged are left out.
std::string lines_before(std::string_view lines, std::size_t epoch, std::size_t step);

}  // namespace xtangent::nn
