#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "autodiff/factor.hpp"

/// Shapes from which costs are computed: uses of parameters and blocks of a kernel. This is arithmetic; nothing is run.
///
/// Legend: N examples, K probes, D positions, P elements of the parameter, C numbers in a left factor (rows of the
/// parameter), I numbers in a right factor (columns of the parameter).
namespace xtangent::ntk {

/// Which pairs of probes a block holds.
enum class ProbeMode {
  cross,   ///< all pairs: K rows and K columns for each example
  summed,  ///< the sum over equal probes: one row and one column for each example (trace)
  equal,   ///< equal probes only: a matrix for each probe (diagonal)
};

/// All uses of one parameter, which a rule contracts together. Uses of the same kind and shape are joined to one part
/// with the positions of all. The gradients of different parts add up.
struct Term {
  std::vector<UseShape> parts;
  std::size_t uses = 0;
  /// Gradients in float that the rule materialize forms are rounded to bfloat16 before they are multiplied.
  bool rounded = false;

  Term() = default;
  explicit Term(std::span<const UseShape> shapes);
  explicit Term(const UseShape& shape) : Term(std::span(&shape, 1)) {}
  std::size_t parameter_size() const { return parts.front().parameter_size; }
  /// The only part, or null when there are several.
  const UseShape* only() const { return parts.size() == 1 ? &parts.front() : nullptr; }
  /// The sum of the positions of all parts.
  std::size_t positions() const;
  bool operator==(const Term&) const = default;
};

/// For each use the number of the part to which it belongs. Parts are numbered in the order in which they first appear.
std::vector<std::size_t> parts_of(std::span<const UseShape> uses);

/// Makes the factors of the parts of a term from the factors of its uses, both in their order. Factors of the same part
/// are joined along their positions.
template <class T>
std::vector<Factor<T>> joined(std::vector<Factor<T>> uses);

/// The shape of a block of a kernel: examples of its rows and columns, and the probes of each. If it is symmetric, both
/// are the same examples with the same probes, and each pair is computed once.
struct BlockShape {
  std::size_t rows = 0, columns = 0;
  std::size_t probes = 1, column_probes = 1;  ///< K of the rows and K' of the columns, equal unless the mode is cross
  ProbeMode mode = ProbeMode::cross;
  bool symmetric = false;

  /// The number of pairs of examples that are computed.
  double pairs() const { return static_cast<double>(rows) * static_cast<double>(columns) * (symmetric ? 0.5 : 1.0); }
  /// Rows in the left factors of one example of the rows: K, or 1 if the K probes are side by side in one row.
  std::size_t rows_each() const { return mode == ProbeMode::summed ? 1 : probes; }
  /// The same for an example of the columns.
  std::size_t columns_each() const { return mode == ProbeMode::summed ? 1 : column_probes; }
  /// Probes that are side by side in a row: K if they are summed, otherwise 1.
  std::size_t side_by_side() const { return mode == ProbeMode::summed ? probes : 1; }
  /// The number of pairs of rows for a pair of examples.
  double probe_pairs() const {
    const double k = static_cast<double>(rows_each());
    return mode == ProbeMode::equal ? k : k * static_cast<double>(columns_each());
  }
  /// The number of examples whose factors or gradients are needed, and that of their probes together.
  std::size_t examples() const { return symmetric ? rows : rows + columns; }
  std::size_t probes_of_examples() const { return rows * probes + (symmetric ? 0 : columns * column_probes); }
};

/// The size of a number in the arrays of a contraction, and the memory and the tasks that it may use.
struct Workspace {
  std::size_t scalar_bytes = sizeof(float);
  std::size_t room = 0;   ///< bytes of gradients that are formed at a time; at least one unit is formed
  std::size_t tasks = 1;  ///< tasks that run at the same time

  /// How many of so many tasks run at the same time.
  std::size_t at_a_time(std::size_t count) const { return std::min(count, tasks); }
};

/// Floating-point operations of a contraction, and bytes that it needs besides its two sides and the block.
struct RuleCost {
  double flop = 0;
  double bytes = 0;
};

}  // namespace xtangent::ntk
