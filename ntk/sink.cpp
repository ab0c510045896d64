#include "ntk/sink.hpp"

#include "ntk/contraction/block.hpp"

namespace xtangent::ntk {

Shape KernelShape::tile_shape(std::size_t i, std::size_t j) const {
  const std::size_t h = grid.row(i).size() * block, w = grid.column(j).size() * column_block;
  return planes == 1 ? Shape{h, w} : Shape{planes, h, w};
}

Array<double> FinishedTile::values() const {
  Array<double> out(shape());
  write(out.mutable_data(), out.shape().back(), out.shape().from_right(2) * out.shape().back());
  return out;
}

void FinishedTile::write(double* out, std::size_t leading, std::size_t plane) const {
  block_.write(rows_, scale_, out, leading, plane, false);
}

void FinishedTile::write_mirrored(double* out, std::size_t leading, std::size_t plane) const {
  block_.write(rows_, scale_, out, leading, plane, true);
}

}  // namespace xtangent::ntk
