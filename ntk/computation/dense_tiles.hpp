#pragma once

#include <utility>

#include "ntk/sink.hpp"

namespace xtangent::ntk {

/// Puts tiles into one array of the shape of the kernel, with their mirror images if the kernel is symmetric.
class DenseTiles : public TileSink {
 public:
  explicit DenseTiles(const KernelShape& shape) : shape_(shape), kernel_(shape.shape()) {}
  void put(const FinishedTile& tile) override {
    const std::size_t width = shape_.width(), plane = shape_.height() * width;
    double* to = kernel_.mutable_data();
    tile.write(to + tile.row() * width + tile.column(), width, plane);
    if (tile.has_mirror_image()) tile.write_mirrored(to + tile.column() * width + tile.row(), width, plane);
  }
  Array<double> take() { return std::move(kernel_); }

 private:
  KernelShape shape_;
  Array<double> kernel_;
};

}  // namespace xtangent::ntk
