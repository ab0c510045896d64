#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "autodiff/array.hpp"

/// What is fitted, and how well that was done.
namespace xtangent::examples {

/// Numbers (N, O), and the labels if that is what they come from.
struct Targets {
  Array<double> values;
  std::vector<std::size_t> labels;
};

Targets of_labels(std::vector<std::size_t> labels, std::size_t classes);

/// The targets of n examples. Whole numbers (N,) are labels; other numbers are targets as they are. `classes` is 0
/// where nothing says it yet. Throws what reading throws, shape_error, data_error.
Targets read_targets(const std::filesystem::path& file, const std::string& option, std::size_t n, std::size_t classes);

/// Throws shape_error where the test targets in `file` have other columns than those that are fitted.
void require_columns(const Targets& tests, const Targets& fitted, const std::filesystem::path& file);

/// How predictions for test examples compare with what they should be, as far as that is known.
struct Score {
  std::optional<double> accuracy, error;  ///< the error is the mean square
};
Score score_of(const Array<double>& predicted, const Targets& targets);

/// A ridge in the names of files: 0.001, and with all of its digits where six are not enough.
std::string ridge_name(double ridge);

}  // namespace xtangent::examples
