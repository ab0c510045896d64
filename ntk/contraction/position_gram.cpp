#include <algorithm>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/rectangles.hpp"

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
      if (below_diagonal(t, block) && (la.probes == 1 || block.mode == ProbeMode::equal)) continue;
      const Tile at{t.row * da, t.rows * da, t.column * db, t.columns * db, 0, t.row * da, 0, t.column * db};
      Array<T> right({at.rows, at.columns}), left({at.rows, at.columns});
      tile_product(at, ra, rb, 0, ra.length, right.mutable_data());
      add_left_grams(t, at, la, lb, right.data(), left.mutable_data(), da, db, block);
    }
  });
}

bool below_diagonal(const Tile& t, const Block& block) { return block.symmetric && t.row >= t.column + t.columns; }

template <class T>
void add_left_grams(const Tile& t, const Tile& rows, const Rows<T>& a, const Rows<T>& b, const T* right, T* left,
                    std::size_t da, std::size_t db, Block& block) {
  const bool below = below_diagonal(t, block);
  Tile at = rows;
  for (std::size_t p = 0; p < a.probes; ++p) {
    const Range partners = block.partners(p, b.probes);
    for (std::size_t q = partners.first; q < partners.last; ++q) {
      if (block.symmetric && q == p && below) continue;
      at.row_probe = p;
      at.column_probe = q;
      tile_product(at, a, b, 0, a.length, left);
      for (std::size_t n = 0; n < t.rows; ++n)
        for (std::size_t m = 0; m < t.columns; ++m) {
          if (block.symmetric && p == q && t.row + n > t.column + m) continue;
          double sum = 0;
          for (std::size_t x = 0; x < da; ++x) {
            const std::size_t offset = (n * da + x) * at.columns + m * db;
            sum += kernels::loops<T>().dot(db, left + offset, right + offset);
          }
          block.at(p, t.row + n, q, t.column + m) += sum;
        }
    }
  }
}

std::size_t position_edge(std::size_t positions_a, std::size_t positions_b) {
  return std::max<std::size_t>(1, 256 / std::max(positions_a, positions_b));
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template void add_position_gram(const Side<T>&, const Side<T>&, Block&);                                          \
  template void add_left_grams(const Tile&, const Tile&, const Rows<T>&, const Rows<T>&, const T*, T*, std::size_t, \
                               std::size_t, Block&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk::rules
