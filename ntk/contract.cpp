#include "ntk/contract.hpp"

#include <algorithm>
#include <numeric>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/loops.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/gather.hpp"

namespace xtangent::ntk {
namespace {

using kernels::gemm_serial;
using kernels::loops;
using kernels::parallel_for;

struct Tile {
  std::size_t row, rows, column, columns;
};

// Rectangles that cover (rows, columns); of a symmetric block those on and above the diagonal.
std::vector<Tile> tiles_of(std::size_t rows, std::size_t columns, bool symmetric, std::size_t edge) {
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < rows; i += edge)
    for (std::size_t j = symmetric ? i : 0; j < columns; j += edge)
      tiles.push_back({i, std::min(edge, rows - i), j, std::min(edge, columns - j)});
  return tiles;
}

// A third of the extent leaves six tiles above a diagonal for the threads; larger tiles pack less for each product.
std::size_t tile_edge(std::size_t rows, std::size_t columns) {
  const std::size_t third = (std::max(rows, columns) + 2) / 3;
  return std::clamp<std::size_t>((third + 15) / 16 * 16, 16, 256);
}

template <class T>
std::size_t examples_in(const Pieces<T>& pieces) {
  std::size_t n = 0;
  for (const Factor<T>& f : pieces) n += f.examples;
  return n;
}

// The left factors of all pieces as rows (k N + n) of C, or, with probes summed, rows n of K C.
template <class T>
Array<T> stack_left(const Pieces<T>& pieces, ProbeMode mode) {
  const std::size_t n = examples_in(pieces), k = pieces.front().probes, c = pieces.front().left_size();
  if (pieces.size() == 1 && (k == 1 || mode == ProbeMode::cross)) return pieces.front().left.reshaped({k * n, c});
  Array<T> out(mode == ProbeMode::cross ? Shape{k * n, c} : Shape{n, k * c});
  T* to = out.mutable_data();
  std::size_t first = 0;
  for (const Factor<T>& f : pieces) {
    for (std::size_t p = 0; p < k; ++p) {
      const T* from = f.left.data() + p * f.examples * c;
      if (mode == ProbeMode::cross)
        kernels::copy_runs(1, f.examples * c, from, 0, to + (p * n + first) * c, 0);
      else
        kernels::copy_runs(f.examples, c, from, c, to + first * k * c + p * c, k * c);
    }
    first += f.examples;
  }
  return out;
}

template <class T>
Array<T> stack_right(const Pieces<T>& pieces) {
  const std::size_t n = examples_in(pieces), r = pieces.front().right_size();
  if (pieces.size() == 1) return pieces.front().right.reshaped({n, r});
  Array<T> out({n, r});
  T* to = out.mutable_data();
  for (const Factor<T>& f : pieces) {
    kernels::copy_runs(1, f.examples * r, f.right.data(), 0, to, 0);
    to += f.examples * r;
  }
  return out;
}

// Sums over long rows are cut into runs whose products are added in double, in order.
constexpr std::size_t run_length = 8192;

// out(tile) = A B^T over [first, last) of the inner extent, in T.
template <class T>
void tile_product(const Tile& t, std::size_t inner, std::size_t first, std::size_t last, const T* a, const T* b, T* out) {
  gemm_serial(false, true, t.rows, t.columns, last - first, T(1), a + t.row * inner + first, inner,
              b + t.column * inner + first, inner, T(0), out, t.columns);
}

// values += A B^T of A (rows, inner) and B (columns, inner).
template <class T>
void add_gram(const Array<T>& a, const Array<T>& b, Block& block) {
  const std::size_t rows = block.height(), columns = block.width(), inner = a.shape()[1];
  if (rows == 0 || columns == 0 || inner == 0) return;
  const std::vector<Tile> tiles = tiles_of(rows, columns, block.symmetric, tile_edge(rows, columns));
  const std::size_t runs = (inner + run_length - 1) / run_length;
  // Few tiles and long rows: runs are tasks too, their partial sums added in order.
  const std::size_t split = tiles.size() >= 16 ? 1 : std::min(runs, 16 / tiles.size() + 1);
  const std::size_t runs_each = (runs + split - 1) / split;
  std::vector<std::vector<double>> partial(tiles.size() * split);
  parallel_for(partial.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t task = begin; task < end; ++task) {
      const Tile& t = tiles[task / split];
      const std::size_t part = task % split;
      Array<T> product({t.rows, t.columns});
      std::vector<double>& sum = partial[task];
      sum.assign(t.rows * t.columns, 0.0);
      for (std::size_t run = part * runs_each; run < std::min(runs, (part + 1) * runs_each); ++run) {
        tile_product(t, inner, run * run_length, std::min(inner, (run + 1) * run_length), a.data(), b.data(),
                     product.mutable_data());
        loops<T>().accumulate(sum.size(), product.data(), 1.0, sum.data());
      }
      if (split > 1) continue;
      for (std::size_t i = 0; i < t.rows; ++i)
        loops<double>().axpy(t.columns, 1.0, sum.data() + i * t.columns,
                             block.values.data() + (t.row + i) * columns + t.column);
      std::vector<double>().swap(sum);
    }
  });
  if (split == 1) return;
  for (std::size_t task = 0; task < partial.size(); ++task) {
    const Tile& t = tiles[task / split];
    for (std::size_t i = 0; i < t.rows; ++i)
      loops<double>().axpy(t.columns, 1.0, partial[task].data() + i * t.columns,
                           block.values.data() + (t.row + i) * columns + t.column);
  }
}

// A B^T + shift, (NA, NB), complete also when only the upper triangle needs computing.
template <class T>
Array<T> gram(const Array<T>& a, const Array<T>& b, bool symmetric, T shift) {
  const std::size_t rows = a.shape()[0], columns = b.shape()[0], inner = a.shape()[1];
  Array<T> out({rows, columns});
  T* values = out.mutable_data();
  const std::vector<Tile> tiles = tiles_of(rows, columns, symmetric, tile_edge(rows, columns));
  parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      T* at = values + t.row * columns + t.column;
      for (std::size_t r = 0; r < t.rows; ++r) std::fill_n(at + r * columns, t.columns, shift);
      gemm_serial(false, true, t.rows, t.columns, inner, T(1), a.data() + t.row * inner, inner,
                  b.data() + t.column * inner, inner, T(1), at, columns);
      if (!symmetric || t.row == t.column) continue;
      for (std::size_t r = 0; r < t.rows; ++r)
        for (std::size_t c = 0; c < t.columns; ++c) values[(t.column + c) * columns + t.row + r] = at[r * columns + c];
    }
  });
  return out;
}

// values += (La Lb^T) o (Ra Rb^T [+ 1]); probe-major rows meet the same entries of the right Gram again and again.
template <class T>
void add_outer(const Pieces<T>& a, const Pieces<T>& b, bool fused_bias, Block& block) {
  const Array<T> la = stack_left(a, block.mode), lb = block.symmetric && &a == &b ? la : stack_left(b, block.mode);
  const Array<T> ra = stack_right(a), rb = block.symmetric && &a == &b ? ra : stack_right(b);
  const bool same = ra.data() == rb.data();
  const Array<T> right = gram(ra, rb, same, fused_bias ? T(1) : T(0));
  const std::size_t rows = block.height(), columns = block.width(), inner = la.shape()[1], nb = block.columns;
  const std::vector<Tile> tiles = tiles_of(rows, columns, block.symmetric, tile_edge(rows, columns));
  parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      Array<T> left({t.rows, t.columns});
      tile_product(t, inner, 0, inner, la.data(), lb.data(), left.mutable_data());
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

// Elements [first, last) of the parameter's gradients of all examples: (K N, last - first), or (N, K ...) summed.
// The range begins and ends with whole rows of the parameter.
template <class T>
Array<T> materialize(const Pieces<T>& pieces, ProbeMode mode, std::size_t first, std::size_t last) {
  const std::size_t n = examples_in(pieces), k = pieces.front().probes, size = pieces.front().parameter.size();
  const std::size_t length = last - first;
  Array<T> out(mode == ProbeMode::cross ? Shape{k * n, length} : Shape{n, k * length});
  T* to = out.mutable_data();
  std::size_t done = 0;
  for (const Factor<T>& f : pieces) {
    // Where the gradient of example i and probe p of this piece goes.
    const auto place = [&, done](std::size_t p, std::size_t i) {
      return to + (mode == ProbeMode::cross ? (p * n + done + i) * length : ((done + i) * k + p) * length);
    };
    const std::size_t stride = mode == ProbeMode::cross ? n * length : length;
    if (f.patches && f.patches->groups == 1 && f.kind == FactorKind::outer_sum) {
      const std::size_t left_one = f.left_size() * f.positions, right_one = f.patches->input_size();
      const std::size_t row = f.right_size();
      parallel_for(f.examples, 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
          kernels::conv2d_weight_one(*f.patches, k, length / row, f.right.data() + i * right_one,
                                     f.left.data() + i * left_one + first / row * f.positions, f.examples * left_one,
                                     place(0, i), stride);
      });
    } else {
      const Array<T> dense = f.dense();
      for (std::size_t p = 0; p < k; ++p)
        kernels::copy_runs(f.examples, length, dense.data() + p * f.examples * size + first, size, place(p, 0),
                           mode == ProbeMode::cross ? length : k * length);
    }
    done += f.examples;
  }
  return out;
}

// Elements of a row of the parameter that a use addresses together.
template <class T>
std::size_t row_length(const Pieces<T>& pieces) {
  const FactorKind kind = pieces.front().kind;
  return kind == FactorKind::outer || kind == FactorKind::outer_sum ? pieces.front().right_size() : 1;
}

template <class T>
void add_materialized(const Pieces<T>& a, const Pieces<T>& b, std::size_t room, Block& block) {
  const std::size_t size = a.front().parameter.size();
  const std::size_t row = std::max<std::size_t>(1, std::lcm(row_length(a), row_length(b)));
  const bool same = block.symmetric && &a == &b;
  const std::size_t examples = same ? block.rows : block.rows + block.columns;
  const std::size_t row_bytes = std::max<std::size_t>(1, examples * block.probes * row * sizeof(T));
  const std::size_t step = std::max<std::size_t>(1, room / row_bytes) * row;
  for (std::size_t first = 0; first < size; first += step) {
    const std::size_t last = size - first > step ? first + step : size;
    const Array<T> ga = materialize(a, block.mode, first, last);
    add_gram(ga, same ? ga : materialize(b, block.mode, first, last), block);
  }
}

// Cotangents as rows (example, position) of C for one probe, and inputs as rows (example, position) of R.
template <class T>
Array<T> position_rows(const Pieces<T>& pieces, std::size_t probe) {
  const std::size_t n = examples_in(pieces), d = pieces.front().positions, c = pieces.front().left_size();
  Array<T> out({n * d, c});
  T* to = out.mutable_data();
  for (const Factor<T>& f : pieces) {
    const T* from = f.left.data() + probe * f.examples * c * d;
    if (f.channels_first)
      kernels::transpose(Shape{f.examples, c, d}, {0, 2, 1}, from, to);
    else
      kernels::copy_runs(1, f.examples * c * d, from, 0, to, 0);
    to += f.examples * c * d;
  }
  return out;
}

template <class T>
Array<T> patch_rows(const Pieces<T>& pieces) {
  const std::size_t n = examples_in(pieces), d = pieces.front().positions, r = pieces.front().right_size();
  Array<T> out({n * d, r});
  T* to = out.mutable_data();
  for (const Factor<T>& f : pieces) {
    if (f.patches) {
      parallel_for(f.examples, 1, [&](std::size_t begin, std::size_t end) {
        Array<T> patches({r, d});
        for (std::size_t i = begin; i < end; ++i) {
          kernels::im2col(*f.patches, 0, f.patches->out_height(), f.right.data() + i * f.patches->input_size(),
                          patches.mutable_data(), d);
          kernels::transpose(Shape{r, d}, {1, 0}, patches.data(), to + i * d * r);
        }
      });
    } else {
      kernels::copy_runs(1, f.examples * d * r, f.right.data(), 0, to, 0);
    }
    to += f.examples * d * r;
  }
  return out;
}

// values[k n, j m] += sum over positions (p, q) of (La_kn Lb_jm^T)_pq (Ra_n Rb_m^T)_pq
template <class T>
void add_position_gram(const Pieces<T>& a, const Pieces<T>& b, Block& block) {
  const std::size_t k = block.probes, da = a.front().positions, db = b.front().positions;
  const std::size_t c = a.front().left_size(), r = a.front().right_size();
  const bool same = block.symmetric && &a == &b;
  std::vector<Array<T>> la, lb;
  for (std::size_t p = 0; p < k; ++p) {
    la.push_back(position_rows(a, p));
    lb.push_back(same ? la.back() : position_rows(b, p));
  }
  const Array<T> ra = patch_rows(a), rb = same ? ra : patch_rows(b);
  const std::size_t edge = std::max<std::size_t>(1, 256 / std::max(da, db));
  const std::vector<Tile> tiles = tiles_of(block.rows, block.columns, false, edge);
  parallel_for(tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tile& t = tiles[i];
      // With one probe or summed probes the block's lower triangle is not needed.
      const bool below = block.symmetric && t.row >= t.column + t.columns;
      if (below && (k == 1 || block.mode == ProbeMode::summed)) continue;
      const Tile at{t.row * da, t.rows * da, t.column * db, t.columns * db};
      Array<T> right({at.rows, at.columns}), left({at.rows, at.columns});
      tile_product(at, r, 0, r, ra.data(), rb.data(), right.mutable_data());
      for (std::size_t p = 0; p < k; ++p)
        for (std::size_t q = 0; q < k; ++q) {
          if (block.mode == ProbeMode::summed ? p != q : (block.symmetric && (q < p || (q == p && below)))) continue;
          tile_product(at, c, 0, c, la[p].data(), lb[q].data(), left.mutable_data());
          const std::size_t row0 = block.mode == ProbeMode::summed ? 0 : p * block.rows;
          const std::size_t column0 = block.mode == ProbeMode::summed ? 0 : q * block.columns;
          for (std::size_t n = 0; n < t.rows; ++n)
            for (std::size_t m = 0; m < t.columns; ++m) {
              double sum = 0;
              for (std::size_t x = 0; x < da; ++x) {
                const std::size_t offset = (n * da + x) * at.columns + m * db;
                sum += loops<T>().dot(db, left.data() + offset, right.data() + offset);
              }
              block.values[(row0 + t.row + n) * block.width() + column0 + t.column + m] += sum;
            }
        }
    }
  });
}

}  // namespace

Block::Block(std::size_t rows_, std::size_t columns_, std::size_t probes_, ProbeMode mode_, bool symmetric_)
    : rows(rows_), columns(columns_), probes(probes_), mode(mode_), symmetric(symmetric_),
      values(height() * width(), 0.0) {}

template <class T>
void contract(Rule rule, const Pieces<T>& a, const Pieces<T>& b, bool fused_bias, std::size_t room, Block& block) {
  const Factor<T>&fa = a.front(), &fb = b.front();
  if (fa.kind != fb.kind || fa.channels_first != fb.channels_first || fa.left_size() != fb.left_size() ||
      fa.right_size() != fb.right_size())
    rule = Rule::materialize;  // a parameter in several forms: they meet as dense gradients
  switch (rule) {
    case Rule::outer: return add_outer(a, b, fused_bias, block);
    case Rule::position_gram: return add_position_gram(a, b, block);
    case Rule::gather: return add_gather(a, b, block);
    case Rule::materialize: break;
  }
  add_materialized(a, b, room, block);
}

void finish_block(const Block& block, double scale, double* kernel, std::size_t leading, std::size_t first_row,
                  std::size_t first_column, bool mirror) {
  const std::size_t c = block.mode == ProbeMode::cross ? block.probes : 1;
  const std::size_t width = block.width();
  parallel_for(block.rows, 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n)
      for (std::size_t p = 0; p < c; ++p)
        for (std::size_t q = 0; q < c; ++q)
          for (std::size_t m = 0; m < block.columns; ++m) {
            const std::size_t i = p * block.rows + n, j = q * block.columns + m;
            // Below the diagonal of a symmetric block the mirror image of what was computed above it.
            const double value = block.values[block.symmetric && i > j ? j * width + i : i * width + j];
            const std::size_t row = (first_row + n) * c + p, column = (first_column + m) * c + q;
            kernel[row * leading + column] = scale * value;
            if (mirror) kernel[column * leading + row] = scale * value;
          }
  });
}

template void contract(Rule, const Pieces<float>&, const Pieces<float>&, bool, std::size_t, Block&);
template void contract(Rule, const Pieces<double>&, const Pieces<double>&, bool, std::size_t, Block&);

}  // namespace xtangent::ntk
