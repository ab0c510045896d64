#pragma once

#include <span>

#include "autodiff/range.hpp"
#include "ntk/contraction/shapes.hpp"

namespace xtangent::ntk {

/// A block of a kernel while it is accumulated, in double, for N examples in its rows and M in its columns. It is
/// probe-major: the entry of probe k of example n and probe j of example m is (k N + n, j M + m). In a symmetric block
/// only entries on and above the diagonal are computed. With ProbeMode::equal the columns are those of one probe, and
/// the entry is (k N + n, m).
struct Block : BlockShape {
  Array<double> storage;  // the array of `values`
  std::span<double> values;

  explicit Block(const BlockShape& shape);
  std::size_t height() const { return rows_each() * rows; }
  std::size_t width() const { return mode == ProbeMode::cross ? column_probes * columns : columns; }
  /// The row of probe k of example n.
  std::size_t row_of(std::size_t k, std::size_t n) const { return (mode == ProbeMode::summed ? 0 : k * rows) + n; }
  /// The entry of probe k of example n of the rows and probe j of example m of the columns.
  double& at(std::size_t k, std::size_t n, std::size_t j, std::size_t m) {
    return values[row_of(k, n) * width() + (mode == ProbeMode::cross ? j * columns : 0) + m];
  }
  /// The probes of the columns with which probe k of the rows, one of `count`, is computed.
  Range partners(std::size_t k, std::size_t count) const {
    if (mode == ProbeMode::equal) return {k, k + 1};
    return {symmetric ? k : 0, count};
  }

  /// Writes the examples `part` of the rows, with all columns, as a part of a kernel in which probe k of example n has
  /// row n*K + k, and probe j of example m has column m*K' + j. The entries times `scale` go to `out`, where rows are
  /// `leading` elements apart; `mirrored` writes the mirror image instead. With ProbeMode::equal the kernels of the
  /// probes are `plane` elements apart.
  void write(Range part, double scale, double* out, std::size_t leading, std::size_t plane, bool mirrored) const;
};

}  // namespace xtangent::ntk
