#pragma once

#include <vector>

#include "ntk/planning/grid.hpp"

namespace xtangent::ntk {

/// A column of tiles beside a panel of rows, which is computed at a time.
struct ColumnOfTiles {
  std::size_t number;  ///< its number among the columns of the grid
  Range examples;      ///< examples of its columns
  Range rows;          ///< examples of the panel that it needs
  bool diagonal;       ///< the last of these rows are its own examples, so there is a tile on the diagonal

  /// The rows whose tiles are above the diagonal, which are all rows if no tile is on it.
  Range above() const { return {rows.first, diagonal ? examples.first : rows.last}; }
};

/// A panel of rows and everything that is computed with it.
struct Panel {
  Range rows;
  std::vector<ColumnOfTiles> columns;

  /// Whether the examples of a column are among the rows of the panel, so that their factors are held already.
  bool holds(const ColumnOfTiles& column, bool symmetric) const {
    return symmetric && column.examples.first < rows.last;
  }
};

/// Cuts the tiles of a kernel into panels of `panel` rows, which is a multiple of the edge of a tile.
std::vector<Panel> panels_of(const Grid& grid, std::size_t panel);

}  // namespace xtangent::ntk
