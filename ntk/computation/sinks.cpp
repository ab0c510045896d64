#include "ntk/computation/sinks.hpp"

namespace xtangent::ntk {

Shape KernelShape::tile_shape(std::size_t i, std::size_t j) const {
  const std::size_t h = grid.row(i).size() * block, w = grid.column(j).size() * block;
  return planes == 1 ? Shape{h, w} : Shape{planes, h, w};
}

void DenseTiles::put(std::size_t i, std::size_t j, const FinishedTile& tile) {
  finish_block(tile.block, tile.rows, tile.scale, kernel_.mutable_data(), shape_.width(), shape_.grid.row(i).first,
               shape_.grid.column(j).first, shape_.grid.symmetric && i != j, shape_.height() * shape_.width());
}

}  // namespace xtangent::ntk
