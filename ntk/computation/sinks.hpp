#pragma once

#include <cstddef>
#include <string>

#include "ntk/contraction/contract.hpp"
#include "ntk/planning/grid.hpp"

namespace xtangent::ntk {

/// A kernel as a matrix: `block` rows and columns for each example, and `planes` of them for kernels that are kept
/// apart (readout::diagonal).
struct KernelShape {
  Grid grid;
  std::size_t block = 1, planes = 1;

  std::size_t height() const { return grid.rows * block; }
  std::size_t width() const { return grid.columns * block; }
  Shape shape() const { return planes == 1 ? Shape{height(), width()} : Shape{planes, height(), width()}; }
  /// Of tile (i, j).
  Shape tile_shape(std::size_t i, std::size_t j) const;
  double bytes() const {
    return 8.0 * static_cast<double>(planes) * static_cast<double>(height()) * static_cast<double>(width());
  }
  bool operator==(const KernelShape&) const = default;
};

/// A tile: some rows of a block that was computed.
struct FinishedTile {
  const Block& block;
  Range rows;    ///< of the block's examples
  double scale;  ///< of the entries
};

/// Where finished tiles go; each comes once, from one thread.
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// Was it finished by an earlier run?
  virtual bool has(std::size_t, std::size_t) const { return false; }
  virtual void put(std::size_t i, std::size_t j, const FinishedTile& tile) = 0;
};

/// Into one array of the kernel's shape, mirrored where the kernel is symmetric.
class DenseTiles : public TileSink {
 public:
  explicit DenseTiles(const KernelShape& shape) : shape_(shape), kernel_(shape.shape()) {}
  void put(std::size_t i, std::size_t j, const FinishedTile& tile) override;
  Array<double> take() { return std::move(kernel_); }

 private:
  KernelShape shape_;
  Array<double> kernel_;
};

}  // namespace xtangent::ntk
