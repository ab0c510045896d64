#include "ntk/computation/packed_tiles.hpp"

#include "autodiff/error.hpp"
#include "autodiff/kernels/layout.hpp"

namespace xtangent::ntk {

PackedTiles::PackedTiles(const KernelShape& shape) : shape_(shape) {
  if (!shape.grid.symmetric || shape.planes != 1)
    throw shape_error("[packed_kernel] only one symmetric kernel can be packed. Give one set of examples.");
  const std::size_t n = shape.height();
  values_ = Array<double>({n * (n + 1) / 2});
}

void PackedTiles::put(const FinishedTile& tile) {
  const Array<double> dense = tile.values();
  const std::size_t n = shape_.height(), height = dense.shape()[0], width = dense.shape()[1];
  double* to = values_.mutable_data();
  for (std::size_t r = 0; r < height; ++r) {
    const std::size_t skipped = tile.has_mirror_image() ? 0 : r, row = tile.row() + r;
    kernels::copy_runs(1, width - skipped, dense.data() + r * width + skipped, 0,
                       to + PackedKernel::start_of_row(n, row) + (tile.column() + skipped - row), 0);
  }
}

}  // namespace xtangent::ntk
