#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autodiff/array.hpp"
#include "examples/common/progress.hpp"
#include "examples/solve/settings.hpp"
#include "examples/solve/targets.hpp"

/// What a kernel or features are fitted to, and what came out.
namespace xtangent::examples {

struct Fitted {
  Targets targets, test_targets;
  Array<double> outputs, test_outputs;  ///< the network's own, (N, O) and (M, O)

  /// What is left to learn, targets - outputs.
  Array<double> wanted() const;
};

/// A kernel or features in a folder.
struct FittedFrom {
  std::string name;  ///< of the folder
  std::size_t examples = 0, tests = 0;
  std::size_t block = 1;  ///< rows of an example
};

/// Reads targets and outputs of the settings. Throws what reading throws, option_error (none are named), shape_error
/// (they are of other examples).
Fitted read_fitted(const SolveSettings& settings, const FittedFrom& from);

double sum_of(const Array<double>& x);
/// |x| / |scale|, or 0 where the latter is 0.
double relative_norm(const Array<double>& x, const Array<double>& scale);

struct Found {
  double ridge = 0, residual = 0, seconds = 0;
  std::optional<double> evidence = {};  ///< none where the kernel is singular and has no ridge
  Score score = {};                     ///< of the test examples
};
/// A table with a line for each ridge.
void print(const std::vector<Found>& all);
/// What `solve` finds for each ridge, one after the other. Where it throws numerical_error for some of them, the others
/// are solved and printed before the first error goes on; one of several processes goes on at once.
std::vector<Found> found_for(const std::vector<double>& ridges, Progress& bar, bool alone,
                             const std::function<Found(double ridge)>& solve);

}  // namespace xtangent::examples
