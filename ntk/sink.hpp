#pragma once

#include <cstddef>

#include "autodiff/array.hpp"
#include "autodiff/range.hpp"
#include "ntk/planning/grid.hpp"

/// Where the tiles of a kernel go: for kernels that are kept in a form of the caller's own, see kernel_into.
namespace xtangent::ntk {

struct Block;

/// A kernel as a matrix: `block` rows and columns for each example, and `planes` of them for kernels that are kept
/// apart (readout::diagonal).
struct KernelShape {
  Grid grid;
  std::size_t block = 1, planes = 1;

  std::size_t height() const { return grid.rows * block; }
  std::size_t width() const { return grid.columns * block; }
  Shape shape() const { return planes == 1 ? Shape{height(), width()} : Shape{planes, height(), width()}; }
  /// The shape of tile (i, j).
  Shape tile_shape(std::size_t i, std::size_t j) const;
  double bytes() const {
    return 8.0 * static_cast<double>(planes) * static_cast<double>(height()) * static_cast<double>(width());
  }
  bool operator==(const KernelShape&) const = default;
};

/// Tile (i, j) of a kernel, ready to be read. It is valid during TileSink::put.
class FinishedTile {
 public:
  FinishedTile(const KernelShape& shape, std::size_t i, std::size_t j, const Block& block, Range rows, double scale)
      : shape_(shape), i_(i), j_(j), block_(block), rows_(rows), scale_(scale) {}

  std::size_t i() const { return i_; }
  std::size_t j() const { return j_; }
  /// First row and column of the matrix that it covers.
  std::size_t row() const { return shape_.grid.row(i_).first * shape_.block; }
  std::size_t column() const { return shape_.grid.column(j_).first * shape_.block; }
  /// Does its mirror image stand in the kernel too? True above the diagonal of a symmetric kernel.
  bool has_mirror_image() const { return shape_.grid.symmetric && i_ != j_; }
  /// shape.tile_shape(i, j): (rows, columns), or (planes, rows, columns).
  Shape shape() const { return shape_.tile_shape(i_, j_); }

  /// The numbers, of shape().
  Array<double> values() const;
  /// The numbers to `out`, rows `leading` elements apart, planes `plane` elements apart.
  void write(double* out, std::size_t leading, std::size_t plane = 0) const;
  /// The mirror image, (columns, rows), likewise.
  void write_mirrored(double* out, std::size_t leading, std::size_t plane = 0) const;

 private:
  const KernelShape& shape_;
  std::size_t i_, j_;
  const Block& block_;
  Range rows_;  // of the block's examples
  double scale_;
};

/// Where finished tiles go; each comes once, from one thread.
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// Was it finished by an earlier run?
  virtual bool has(std::size_t, std::size_t) const { return false; }
  virtual void put(const FinishedTile& tile) = 0;
};

}  // namespace xtangent::ntk
