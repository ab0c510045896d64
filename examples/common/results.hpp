#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

/// What a program leaves in its folder: a report and files beside it.
namespace xtangent::examples {

/// Refuses a folder in which one of these files, or report.html, could not be written, before the work is done. Throws
/// data_error.
void require_results(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// Writes the files, pairs of name and text, and report.html behind them, and prints `summary` and where the report is.
/// Throws data_error.
void write_results(const std::filesystem::path& folder, const std::vector<std::pair<std::string, std::string>>& files,
                   const std::string& html, const std::string& summary, double seconds);

}  // namespace xtangent::examples
