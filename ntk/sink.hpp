#pragma once

#include <cstddef>

#include "autodiff/array.hpp"
#include "autodiff/range.hpp"
#include "ntk/planning/grid.hpp"

/// Sinks: where the tiles of a kernel go. With a sink of your own and kernel_into(), a kernel is kept in any form.
namespace xtangent::ntk {

struct Block;

/// The shape of a kernel as a matrix: each example of the rows has `block` rows, and each of the columns `column_block`
/// columns. The two differ only where rows and columns have readouts of their own. A readout::diagonal gives several
/// kernels, each of which is one of the `planes`.
struct KernelShape {
  Grid grid;
  std::size_t block = 1, column_block = 1, planes = 1;

  std::size_t height() const { return grid.rows * block; }
  std::size_t width() const { return grid.columns * column_block; }
  Shape shape() const { return planes == 1 ? Shape{height(), width()} : Shape{planes, height(), width()}; }
  /// The shape of tile (i, j).
  Shape tile_shape(std::size_t i, std::size_t j) const;
  double bytes() const {
    return 8.0 * static_cast<double>(planes) * static_cast<double>(height()) * static_cast<double>(width());
  }
  bool operator==(const KernelShape&) const = default;
};

/// Tile (i, j) of a kernel, ready to be read. It is valid only during TileSink::put.
class FinishedTile {
 public:
  FinishedTile(const KernelShape& shape, std::size_t i, std::size_t j, const Block& block, Range rows, double scale)
      : shape_(shape), i_(i), j_(j), block_(block), rows_(rows), scale_(scale) {}

  std::size_t i() const { return i_; }
  std::size_t j() const { return j_; }
  /// The first row and the first column of the matrix that this tile covers.
  std::size_t row() const { return shape_.grid.row(i_).first * shape_.block; }
  std::size_t column() const { return shape_.grid.column(j_).first * shape_.column_block; }
  /// Whether the kernel also contains the mirror image of this tile, which is so above the diagonal of a symmetric
  /// kernel.
  bool has_mirror_image() const { return shape_.grid.symmetric && i_ != j_; }
  /// shape.tile_shape(i, j): (rows, columns), or (planes, rows, columns).
  Shape shape() const { return shape_.tile_shape(i_, j_); }

  /// The entries of the tile, of shape().
  Array<double> values() const;
  /// Writes the entries to `out`, where rows are `leading` elements apart and planes `plane` elements apart.
  void write(double* out, std::size_t leading, std::size_t plane = 0) const;
  /// Writes the mirror image (columns, rows) in the same way.
  void write_mirrored(double* out, std::size_t leading, std::size_t plane = 0) const;

 private:
  const KernelShape& shape_;
  std::size_t i_, j_;
  const Block& block_;
  Range rows_;  // examples of this tile among the rows of the block
  double scale_;
};

/// Takes finished tiles. Each tile comes once, and all come from one thread.
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// Whether tile (i, j) was finished by an earlier run, or by another process before the last look().
  virtual bool has(std::size_t, std::size_t) const { return false; }
  /// Looks for tiles that other processes have finished, if any may.
  virtual void look() {}
  /// Takes a tile, which is valid only during this call.
  virtual void put(const FinishedTile& tile) = 0;
};

}  // namespace xtangent::ntk
