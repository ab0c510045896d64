#pragma once

#include <algorithm>
#include <cstddef>

#include "autodiff/range.hpp"

namespace xtangent::ntk {

/// How a kernel between `rows` and `columns` examples is cut into square tiles. Tiles at the ends may be smaller. In a
/// symmetric kernel only the tiles on and above the diagonal are computed.
struct Grid {
  std::size_t rows = 0, columns = 0;  ///< examples
  std::size_t edge = 1;               ///< examples along a tile
  bool symmetric = false;

  std::size_t tile_rows() const { return (rows + edge - 1) / edge; }
  std::size_t tile_columns() const { return (columns + edge - 1) / edge; }
  /// The number of tiles that are computed.
  std::size_t count() const { return symmetric ? tile_rows() * (tile_rows() + 1) / 2 : tile_rows() * tile_columns(); }
  Range row(std::size_t i) const { return {i * edge, std::min(rows, (i + 1) * edge)}; }
  Range column(std::size_t j) const { return {j * edge, std::min(columns, (j + 1) * edge)}; }

  bool operator==(const Grid&) const = default;
};

}  // namespace xtangent::ntk
