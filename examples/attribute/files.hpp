#pragma once

#include "examples/attribute/study.hpp"

namespace xtangent::examples {

/// The files that a run leaves beside the report.
const std::vector<std::string>& file_names();

/// Writes them: the numbers for programs, the scores, halves and margins as arrays, and the network. Throws data_error.
void write_files(const Study& study);

}  // namespace xtangent::examples
