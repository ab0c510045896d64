#pragma once

#include <vector>

#include "ntk/planning/grid.hpp"

namespace xtangent::ntk {

/// A column of tiles beside a panel of rows: what is computed at a time.
struct ColumnOfTiles {
  std::size_t number;  ///< of the tiles' column in the grid
  Range examples;      ///< of the columns
  Range rows;          ///< examples of the panel that it needs
  bool diagonal;       ///< the last of these rows are its own examples: a tile on the diagonal

  /// The rows whose tiles lie above the diagonal; all of them where no tile lies on it.
  Range above() const { return {rows.first, diagonal ? examples.first : rows.last}; }
};

/// A panel of rows, and all that is computed with it.
struct Panel {
  Range rows;
  std::vector<ColumnOfTiles> columns;

  /// Are the examples of a column among the panel's own rows, whose factors it holds already?
  bool holds(const ColumnOfTiles& column, bool symmetric) const {
    return symmetric && column.examples.first < rows.last;
  }
};

/// The kernel's tiles as panels of `panel` rows (a multiple of the tile's edge).
std::vector<Panel> panels_of(const Grid& grid, std::size_t panel);

}  // namespace xtangent::ntk
