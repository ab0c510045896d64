#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk::rules {

// values[k n, j m] += (R^T R)_kj (Ra_n . Rb_m [+ 1])
template <class T>
void add_readout(const Side<T>& a, const Side<T>& b, bool fused_bias, Block& block) {
  const Rows<T> la = a.left(), lb = b.left(), ra = a.right(), rb = b.right();  // left: one row for each probe
  const std::size_t k = la.probes;
  Array<T> weights({k, k});
  kernels::gemm_serial(false, true, k, k, la.length, T(1), la.data, la.length, lb.data, lb.length, T(0),
                       weights.mutable_data(), k);
  const std::vector<Tile> tiles =
      tiles_of(1, block.rows, 1, block.columns, block.symmetric && (k == 1 || block.mode == ProbeMode::equal),
               tile_edge(block.rows, block.columns));
  kernels::parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      Array<T> gram({t.rows, t.columns});
      T* values = gram.mutable_data();
      std::fill_n(values, t.rows * t.columns, fused_bias ? T(1) : T(0));
      kernels::gemm_serial(false, true, t.rows, t.columns, ra.length, T(1), ra.at(0, t.row), ra.length,
                           rb.at(0, t.column), rb.length, T(1), values, t.columns);
      for (std::size_t p = 0; p < k; ++p) {
        const Range partners = block.partners(p, k);
        for (std::size_t q = partners.first; q < partners.last; ++q) {
          if (block.symmetric && p == q && below_diagonal(t, block)) continue;
          for (std::size_t r = 0; r < t.rows; ++r)
            kernels::loops<T>().accumulate(t.columns, values + r * t.columns, static_cast<double>(weights[p * k + q]),
                                           &block.at(p, t.row + r, q, t.column));
        }
      }
    }
  });
}

template void add_readout(const Side<float>&, const Side<float>&, bool, Block&);
template void add_readout(const Side<double>&, const Side<double>&, bool, Block&);

}  // namespace xtangent::ntk::rules
