#include <algorithm>
#include <numeric>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk::rules {
namespace {

using kernels::loops;
using kernels::parallel_for;

void add_tile(const Tile& t, const double* sum, Block& block) {
  for (std::size_t i = 0; i < t.rows; ++i)
    loops<double>().axpy(t.columns, 1.0, sum + i * t.columns,
                         block.values.data() + (t.row + i) * block.width() + t.column);
}

// values += A B^T of A (K NA, length) and B (K NB, length). Sums over long rows are cut into runs whose products are
// added in double, in order; of few tiles the runs are tasks too.
template <class T>
void add_gram(Rows<T> a, Rows<T> b, Block& block) {
  join(a, b, block.mode);
  const GramCut cut = GramCut::of(a.probes, a.rows, b.rows, block.symmetric, a.length, block.mode);
  const std::vector<Tile> tiles = tiles_of(a.probes, a.rows, b.probes, b.rows, block.symmetric, cut.edge, block.mode);
  const std::size_t runs_each = (cut.runs + cut.parts - 1) / cut.parts,
                    largest = tiles.empty() ? 0 : tiles[0].rows * tiles[0].columns;
  Array<double> partial;
  if (cut.parts > 1) partial = Array<double>({tiles.size() * cut.parts, largest});
  double* partials = cut.parts > 1 ? partial.mutable_data() : nullptr;
  parallel_for(tiles.size() * cut.parts, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t task = begin; task < end; ++task) {
      const Tile& t = tiles[task / cut.parts];
      const std::size_t part = task % cut.parts;
      Array<T> product({t.rows, t.columns});
      Array<double> own;
      if (!partials) own = Array<double>({t.rows, t.columns});
      double* sum = partials ? partials + task * largest : own.mutable_data();
      std::fill_n(sum, t.rows * t.columns, 0.0);
      for (std::size_t run = part * runs_each; run < std::min(cut.runs, (part + 1) * runs_each); ++run) {
        tile_product(t, a, b, run * GramCut::run_length, std::min(a.length, (run + 1) * GramCut::run_length),
                     product.mutable_data());
        loops<T>().accumulate(t.rows * t.columns, product.data(), 1.0, sum);
      }
      if (!partials) add_tile(t, sum, block);
    }
  });
  for (std::size_t task = 0; partials && task < tiles.size() * cut.parts; ++task)
    add_tile(tiles[task / cut.parts], partials + task * largest, block);
}

}  // namespace

template <class T>
void add_materialized(const Side<T>& a, const Side<T>& b, std::size_t room, Block& block) {
  if (block.rows == 0 || block.columns == 0) return;
  const bool same = a.same(b);
  if (a.has_gradients() && b.has_gradients()) return add_gram(a.left(), b.left(), block);
  const std::size_t size = a.use().parameter_size, unit = std::lcm(a.unit(), b.unit()),
                    summed = block.mode == ProbeMode::summed;
  const std::size_t step =
      materialized_step(size, unit, (same ? block.rows : block.rows + block.columns) * block.probes * sizeof(T), room);
  Array<T> pa, pb;
  for (std::size_t begin = 0; begin < size; begin += step) {
    const std::size_t end = std::min(size, begin + step);
    const auto form = [&](const Side<T>& side, Array<T>& gradients) -> Rows<T> {
      const std::size_t k = side.probes(), n = side.examples(), length = (end - begin) * (summed ? block.probes : 1);
      if (!gradients.defined()) gradients = Array<T>({k * n, length});
      T* out = gradients.mutable_data();
      side.gradients(begin, end, out);
      return {out, k, n, length, n * length};
    };
    const Rows<T> ga = form(a, pa);
    add_gram(ga, same ? ga : form(b, pb), block);
  }
}

std::size_t materialized_step(std::size_t size, std::size_t unit, std::size_t element_bytes, std::size_t room) {
  const std::size_t units = std::max<std::size_t>(1, room / std::max<std::size_t>(1, element_bytes * unit));
  return std::min(size, units * unit);
}

GramCut GramCut::of(std::size_t probes, std::size_t rows, std::size_t columns, bool symmetric, std::size_t length,
                    ProbeMode mode) {
  GramCut out;
  out.edge = tile_edge(rows, columns);
  out.tiles = count_tiles(probes, rows, columns, symmetric, out.edge, mode);
  out.tile = std::min(rows, out.edge) * std::min(columns, out.edge);
  out.runs = (length + run_length - 1) / run_length;
  out.parts = out.tiles >= 16 ? 1 : std::min(out.runs, 16 / out.tiles + 1);
  return out;
}

std::size_t GramCut::bytes(std::size_t scalar_bytes) const {
  const std::size_t tasks = tiles * parts, running = at_a_time(tasks);
  return tile * (running * scalar_bytes + (parts > 1 ? tasks : running) * sizeof(double));
}

template void add_materialized(const Side<float>&, const Side<float>&, std::size_t, Block&);
template void add_materialized(const Side<double>&, const Side<double>&, std::size_t, Block&);

}  // namespace xtangent::ntk::rules
