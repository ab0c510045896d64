#include <algorithm>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/kernels/simd/shifts.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk::rules {
namespace {

// Rows [n e, (n + 1) e) of one side against rows [m f, (m + 1) f) of the other, of a tile of examples.
Tile spread(const Tile& t, std::size_t a, std::size_t b) {
  return {t.row * a, t.rows * a, t.column * b, t.columns * b, 0, t.row * a, 0, t.column * b};
}

}  // namespace

// values[k n, j m] += sum over positions (p, q) of (La_kn Lb_jm^T)_pq sum over taps f of (Ra_n Rb_m^T)_(p + f)(q + f)
template <class T>
void add_pixel_gram(const Side<T>& a, const Side<T>& b, Block& block) {
  const Rows<T> la = a.left(), lb = b.left(), ra = a.right(), rb = b.right();
  const kernels::ShiftedSums<T> sums(*a.use().patches, *b.use().patches);
  const kernels::ShiftShape& s = sums.shape();
  const std::size_t da = s.a_positions(), db = s.b_positions(), ua = s.a_pixels(), ub = s.b_pixels();
  const std::vector<Tile> tiles =
      tiles_of(1, block.rows, 1, block.columns, false, position_edge(std::max(da, ua), std::max(db, ub)));
  kernels::parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      if (below_diagonal(t, block) && (la.probes == 1 || block.mode == ProbeMode::equal)) continue;
      const Tile pixels = spread(t, ua, ub);
      Tile at = spread(t, da, db);
      Array<T> gram({std::max(pixels.rows * pixels.columns, at.rows * at.columns)}), patches({at.rows, at.columns}),
          room({s.room()});
      T *left = gram.mutable_data(),
        *right = patches.mutable_data();  // pixels first, then the left Gram in their place
      tile_product(pixels, ra, rb, 0, ra.length, left);
      for (std::size_t n = 0; n < t.rows; ++n)
        for (std::size_t m = 0; m < t.columns; ++m)
          sums(left + n * ua * pixels.columns + m * ub, pixels.columns, room.mutable_data(),
               right + n * da * at.columns + m * db, at.columns);
      add_left_grams(t, at, la, lb, right, left, da, db, block);
    }
  });
}

template void add_pixel_gram(const Side<float>&, const Side<float>&, Block&);
template void add_pixel_gram(const Side<double>&, const Side<double>&, Block&);

}  // namespace xtangent::ntk::rules
