#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk::rules {
namespace {

using kernels::loops;
using kernels::parallel_for;

// A B^T + shift, (NA, NB), complete also when only the upper triangle needs computing.
template <class T>
Array<T> gram(const Rows<T>& a, const Rows<T>& b, bool symmetric, T shift) {
  Array<T> out({a.rows, b.rows});
  T* values = out.mutable_data();
  const std::size_t columns = b.rows;
  const std::vector<Tile> tiles = tiles_of(1, a.rows, 1, b.rows, symmetric, tile_edge(a.rows, b.rows));
  parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      T* at = values + t.row * columns + t.column;
      for (std::size_t r = 0; r < t.rows; ++r) std::fill_n(at + r * columns, t.columns, shift);
      kernels::gemm_serial(false, true, t.rows, t.columns, a.length, T(1), a.at(0, t.row), a.length, b.at(0, t.column),
                           b.length, T(1), at, columns);
      if (!symmetric || t.row == t.column) continue;
      for (std::size_t r = 0; r < t.rows; ++r)
        for (std::size_t c = 0; c < t.columns; ++c) values[(t.column + c) * columns + t.row + r] = at[r * columns + c];
    }
  });
  return out;
}

}  // namespace

// Probe-major rows meet the same entries of the right Gram again and again.
template <class T>
void add_outer(const Side<T>& a, const Side<T>& b, bool fused_bias, Block& block) {
  Rows<T> rows = a.left(), others = b.left();
  join(rows, others, block.mode);
  const Array<T> right = gram(a.right(), b.right(), a.same(b), fused_bias ? T(1) : T(0));
  const std::size_t nb = block.columns, columns = block.width();
  const std::vector<Tile> tiles = tiles_of(rows.probes, rows.rows, others.probes, others.rows, block.symmetric,
                                           tile_edge(rows.rows, others.rows), block.mode);
  parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      Array<T> left({t.rows, t.columns});
      tile_product(t, rows, others, 0, rows.length, left.mutable_data());
      for (std::size_t r = 0; r < t.rows; ++r) {
        const T* right_row = right.data() + (t.row + r) % block.rows * nb;
        double* to = block.values.data() + (t.row + r) * columns;
        for (std::size_t c = t.column; c < t.column + t.columns;) {  // up to the end of a probe's columns
          const std::size_t m = c % nb, run = std::min(nb - m, t.column + t.columns - c);
          loops<T>().accumulate_product(run, left.data() + r * t.columns + (c - t.column), right_row + m, to + c);
          c += run;
        }
      }
    }
  });
}

template void add_outer(const Side<float>&, const Side<float>&, bool, Block&);
template void add_outer(const Side<double>&, const Side<double>&, bool, Block&);

}  // namespace xtangent::ntk::rules
