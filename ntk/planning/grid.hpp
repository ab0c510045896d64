#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace xtangent::ntk {

/// Examples [first, last).
struct Range {
  std::size_t first = 0, last = 0;
  std::size_t size() const { return last - first; }
};

/// How a kernel between `rows` and `columns` examples is cut into square tiles, those at the ends smaller. Of a
/// symmetric kernel only tiles on and above the diagonal are computed.
struct Grid {
  std::size_t rows = 0, columns = 0;  ///< examples
  std::size_t edge = 1;               ///< examples along a tile
  bool symmetric = false;

  std::size_t tile_rows() const { return (rows + edge - 1) / edge; }
  std::size_t tile_columns() const { return (columns + edge - 1) / edge; }
  /// Tiles that are computed.
  std::size_t count() const { return symmetric ? tile_rows() * (tile_rows() + 1) / 2 : tile_rows() * tile_columns(); }
  Range row(std::size_t i) const { return {i * edge, std::min(rows, (i + 1) * edge)}; }
  Range column(std::size_t j) const { return {j * edge, std::min(columns, (j + 1) * edge)}; }

  bool operator==(const Grid&) const = default;
};

/// A column of tiles beside a panel of rows: what is computed at a time.
struct ColumnOfTiles {
  std::size_t column;  ///< number of the tiles' column
  Range rows;          ///< examples of the panel that it needs
  bool diagonal;       ///< the last of these rows are its own examples: a tile on the diagonal
};

/// A panel of rows, and all that is computed with it.
struct Panel {
  Range rows;
  std::vector<ColumnOfTiles> columns;
};

/// The kernel's tiles as panels of `panel` rows (a multiple of the tile's edge).
std::vector<Panel> panels_of(const Grid& grid, std::size_t panel);

}  // namespace xtangent::ntk
