#include <algorithm>

#include "autodiff/kernels/loops.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/rules/rules.hpp"

namespace xtangent::ntk::rules {

// values[k n, j m] += sum over positions (p, q) of (La_kn Lb_jm^T)_pq (Ra_n Rb_m^T)_pq
template <class T>
void add_position_gram(const Side<T>& a, const Side<T>& b, Block& block) {
  const Rows<T> la = a.left(), lb = b.left(), ra = a.right(), rb = b.right();
  const std::size_t da = a.use().positions, db = b.use().positions;
  const std::vector<Tile> tiles = tiles_of(1, block.rows, 1, block.columns, false, position_edge(da, db));
  kernels::parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      // With one probe the block's lower triangle is not needed.
      const bool below = block.symmetric && t.row >= t.column + t.columns;
      if (below && la.probes == 1) continue;
      Tile at{t.row * da, t.rows * da, t.column * db, t.columns * db, 0, t.row * da, 0, t.column * db};
      Array<T> right({at.rows, at.columns}), left({at.rows, at.columns});
      tile_product(at, ra, rb, 0, ra.length, right.mutable_data());
      for (std::size_t p = 0; p < la.probes; ++p)
        for (std::size_t q = 0; q < lb.probes; ++q) {
          if (block.symmetric && (q < p || (q == p && below))) continue;
          at.row_probe = p;
          at.column_probe = q;
          tile_product(at, la, lb, 0, la.length, left.mutable_data());
          for (std::size_t n = 0; n < t.rows; ++n)
            for (std::size_t m = 0; m < t.columns; ++m) {
              double sum = 0;
              for (std::size_t x = 0; x < da; ++x) {
                const std::size_t offset = (n * da + x) * at.columns + m * db;
                sum += kernels::loops<T>().dot(db, left.data() + offset, right.data() + offset);
              }
              block.values[(p * block.rows + t.row + n) * block.width() + q * block.columns + t.column + m] += sum;
            }
        }
    }
  });
}

std::size_t position_edge(std::size_t positions_a, std::size_t positions_b) {
  return std::max<std::size_t>(1, 256 / std::max(positions_a, positions_b));
}

template void add_position_gram(const Side<float>&, const Side<float>&, Block&);
template void add_position_gram(const Side<double>&, const Side<double>&, Block&);

}  // namespace xtangent::ntk::rules
