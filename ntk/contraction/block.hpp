#pragma once

#include <span>

#include "autodiff/range.hpp"
#include "ntk/contraction/shapes.hpp"

namespace xtangent::ntk {

/// A block of a kernel while it is accumulated, in double, probe-major: entry (k NA + n, j NB + m). In a symmetric
/// block only entries on and above the diagonal are computed. With ProbeMode::equal the columns are those of one
/// probe: entry (k NA + n, m).
struct Block : BlockShape {
  Array<double> storage;  // what `values` looks at
  std::span<double> values;

  explicit Block(const BlockShape& shape);
  std::size_t height() const { return row_probes() * rows; }
  std::size_t width() const { return mode == ProbeMode::cross ? probes * columns : columns; }
  /// Row of probe k of example n.
  std::size_t row_of(std::size_t k, std::size_t n) const { return (mode == ProbeMode::summed ? 0 : k * rows) + n; }
  /// Entry of probe k of row example n and probe j of column example m.
  double& at(std::size_t k, std::size_t n, std::size_t j, std::size_t m) {
    return values[row_of(k, n) * width() + (mode == ProbeMode::cross ? j * columns : 0) + m];
  }
  /// Probes of the columns that probe k of `count` of the rows meets in what is computed.
  Range partners(std::size_t k, std::size_t count) const {
    if (mode == ProbeMode::equal) return {k, k + 1};
    return {symmetric ? k : 0, count};
  }

  /// Row examples `part` and all columns as a part of a kernel, whose rows are n C + c: times `scale` to `out`, rows
  /// `leading` elements apart, or its mirror image. With ProbeMode::equal the kernels of the probes are `plane`
  /// elements apart.
  void write(Range part, double scale, double* out, std::size_t leading, std::size_t plane, bool mirrored) const;
};

}  // namespace xtangent::ntk
