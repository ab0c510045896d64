#pragma once

#include <span>

#include "ntk/contraction/side.hpp"
#include "ntk/planning/grid.hpp"

/// Contractions of per-example gradients into kernel blocks.
///
/// A block is accumulated in double, probe-major: entry (k NA + n, j NB + m). Within one block of a symmetric kernel
/// (`symmetric`, both sides the same range) only tiles on and above the diagonal are computed; finish_block mirrors.
/// With ProbeMode::equal the columns are those of one probe: entry (k NA + n, m).
namespace xtangent::ntk {

/// A block that is being accumulated.
struct Block {
  std::size_t rows, columns;  ///< examples
  std::size_t probes = 1;
  ProbeMode mode = ProbeMode::cross;
  bool symmetric = false;
  Array<double> storage;  // what `values` looks at
  std::span<double> values;

  Block(std::size_t rows_, std::size_t columns_, std::size_t probes_, ProbeMode mode_, bool symmetric_);
  std::size_t height() const { return mode == ProbeMode::summed ? rows : probes * rows; }
  std::size_t width() const { return mode == ProbeMode::cross ? probes * columns : columns; }
  /// Entry of probe k of row example n and probe j of column example m.
  double& at(std::size_t k, std::size_t n, std::size_t j, std::size_t m) {
    return values[row_of(k, n) * width() + (mode == ProbeMode::cross ? j * columns : 0) + m];
  }
  std::size_t row_of(std::size_t k, std::size_t n) const { return (mode == ProbeMode::summed ? 0 : k * rows) + n; }
  /// Probes of the columns that probe k of `count` of the rows meets in what is computed.
  Range partners(std::size_t k, std::size_t count) const {
    if (mode == ProbeMode::equal) return {k, k + 1};
    return {symmetric ? k : 0, count};
  }
};

/// block += contraction of use a (rows) with use b (columns) of one parameter. A parameter with several uses needs all
/// ordered pairs (a, b), cross terms included; in a symmetric block too. The sides' rules must be the same, and meet.
/// `fused_bias` adds the bias of the same layer, whose left factors are those of the weight: (La Lb^T) o (Ra Rb^T + 1).
/// `room` bounds the bytes of gradients that materialized sides form at a time, down to one unit of them.
/// What it needs besides is cost().bytes.
template <class T>
void contract(const Side<T>& a, const Side<T>& b, bool fused_bias, std::size_t room, Block& block);

/// Writes row examples `rows` of a block into a kernel (rows n C + c), mirrored where symmetric, times `scale`. With
/// ProbeMode::equal the kernels of the probes are `plane` elements apart.
void finish_block(const Block& block, Range rows, double scale, double* kernel, std::size_t leading,
                  std::size_t first_row, std::size_t first_column, bool mirror, std::size_t plane = 0);

}  // namespace xtangent::ntk
