#pragma once

#include <optional>
#include <span>
#include <vector>

#include "autodiff/factor.hpp"

/// Shapes that costs are computed from: uses of parameters and blocks of a kernel. Arithmetic only, nothing is run.
///
/// Legend: N examples, K probes, D positions, P elements of the parameter; a use's left factors have C numbers (rows of
/// the parameter), its right factors R (columns).
namespace xtangent::ntk {

/// Which pairs of probes a block holds.
enum class ProbeMode {
  cross,   ///< all pairs: K rows and K columns an example
  summed,  ///< the sum over equal probes: one row and one column an example (trace)
  equal,   ///< equal probes only, a matrix for each (diagonal)
};

/// Shape of one use of a parameter, or of several alike ones as one use with all of their positions.
struct UseShape {
  FactorKind kind = FactorKind::dense;
  std::size_t parameter_size = 0, positions = 1, left = 1, right = 1;  // P, D, C, R
  bool channels_first = false;
  bool transposed = false;                         ///< the parameter is stored as (I, C)
  std::optional<kernels::ConvShape> patches = {};  ///< for a convolution
  bool same_left = false;                          ///< all examples have the same left factors

  bool grouped() const { return patches && patches->groups > 1; }
  /// A sum of outer products: the kinds outer and outer_sum.
  bool is_product() const { return kind == FactorKind::outer || kind == FactorKind::outer_sum; }
  /// Elements that one example's factors hold, with K probes.
  std::size_t factor_size(std::size_t probes) const;
  bool operator==(const UseShape&) const = default;
};
template <class T>
UseShape shape_of(const Factor<T>& factor);

/// All uses of one parameter: what a rule contracts. Uses of the same kind and shape are joined to one part, whose
/// positions are those of all of them; gradients of unlike parts add up.
struct Term {
  std::vector<UseShape> parts;
  std::size_t uses = 0;

  Term() = default;
  explicit Term(std::span<const UseShape> shapes);
  explicit Term(const UseShape& shape) : Term(std::span(&shape, 1)) {}
  std::size_t parameter_size() const { return parts.front().parameter_size; }
  /// The only part, or null when there are several.
  const UseShape* only() const { return parts.size() == 1 ? &parts.front() : nullptr; }
  /// Positions of all parts.
  std::size_t positions() const;
  bool operator==(const Term&) const = default;
};

/// For each use the number of the part it belongs to, in the order in which parts first appear.
std::vector<std::size_t> parts_of(std::span<const UseShape> uses);

/// Factors of uses, in the order of the uses, become those of the term's parts: alike ones are joined along their
/// positions, in that order.
template <class T>
std::vector<Factor<T>> joined(std::vector<Factor<T>> uses);

/// A block of a kernel before it is computed: examples of its rows and columns, and probes. `symmetric`: both are the
/// same examples, so a pair counts once.
struct BlockShape {
  std::size_t rows = 0, columns = 0;
  std::size_t probes = 1;
  ProbeMode mode = ProbeMode::cross;
  bool symmetric = false;

  /// Pairs of examples that are computed.
  double pairs() const { return static_cast<double>(rows) * static_cast<double>(columns) * (symmetric ? 0.5 : 1.0); }
  /// Rows of one example's left factors: K, or 1 where the K probes lie side by side in one row.
  std::size_t row_probes() const { return mode == ProbeMode::summed ? 1 : probes; }
  /// Probes that lie side by side in a row: K where they are summed, else 1.
  std::size_t side_by_side() const { return mode == ProbeMode::summed ? probes : 1; }
  /// Pairs of rows for a pair of examples.
  double probe_pairs() const {
    const double k = static_cast<double>(row_probes());
    return mode == ProbeMode::equal ? k : k * k;
  }
  /// Examples whose factors or gradients are needed.
  std::size_t examples() const { return symmetric ? rows : rows + columns; }
};

/// What arrays of a contraction are made of, and how much it may take.
struct Workspace {
  std::size_t scalar_bytes = sizeof(float);
  std::size_t room = 0;  ///< bytes of gradients that are formed at a time, down to one unit of them
};

/// Floating-point operations of a contraction, and bytes that it needs besides its two sides and the block, for as many
/// tasks as the machine runs at a time.
struct RuleCost {
  double flop = 0;
  double bytes = 0;
};

}  // namespace xtangent::ntk
