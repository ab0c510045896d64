#pragma once

#include <cstddef>
#include <vector>

#include "autodiff/range.hpp"

namespace xtangent::ntk {

/// Ranks in rows and columns, as square as their number allows: 6 are 2 x 3.
struct ProcessGrid {
  std::size_t rows = 1, columns = 1;
};
ProcessGrid process_grid(std::size_t ranks);

/// A square matrix of order n in blocks of rows and columns, which go in turn to the rows and columns of a grid of
/// ranks: ScaLAPACK's block-cyclic distribution. Rank r stands in row r / columns and column r % columns.
///
/// ScaLAPACK's matrices are column-major. A symmetric matrix is its own transpose, so the part of a rank is kept
/// row-major with the matrix's rows along the grid's columns: element (i, j) belongs to the rank in grid row (j /
/// block) % rows and grid column (i / block) % columns.
struct BlockCyclic {
  std::size_t n = 0, block = 1;
  ProcessGrid grid = {};

  /// The runs of rows of the matrix that a rank has, in their order. All but the last have `block` rows.
  std::vector<Range> rows(std::size_t rank) const { return dealt(rank % grid.columns, grid.columns); }
  /// The same for columns.
  std::vector<Range> columns(std::size_t rank) const { return dealt(rank / grid.columns, grid.rows); }

 private:
  std::vector<Range> dealt(std::size_t place, std::size_t places) const;
};

/// The number of rows in these runs.
std::size_t total(const std::vector<Range>& runs);
/// The numbers of the rows in these runs.
std::vector<std::size_t> numbers(const std::vector<Range>& runs);

/// Rows of a block for a matrix of order n over so many ranks. Each rank gets several blocks where n allows it. `tile`
/// is the number of rows in which the matrix is stored, or 0: blocks are then whole tiles of up to 512 rows, or equal
/// parts of larger ones, so that a rank reads few tiles of which it needs a part only.
std::size_t block_rows(std::size_t n, std::size_t ranks, std::size_t tile = 0);

}  // namespace xtangent::ntk
