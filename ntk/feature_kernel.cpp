#include "ntk/feature_kernel.hpp"

#include <algorithm>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/precision.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "autodiff/pool.hpp"
#include "ntk/computation/feature_products.hpp"
#include "ntk/computation/store_tiles.hpp"
#include "ntk/computation/tiled.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t largest_tile = 2048, smallest_tile = 16;  // rows
constexpr std::size_t summed_in_float = 4096;                   // products

// How many rows are in memory, and what reading them takes.
struct Cut {
  std::size_t tile = 0, held = 0;  // rows of a tile, and tiles of rows that are held while the columns are read
};

// A file of features is read into bytes and then copied, and so is a tile on its way to the disk.
Cut cut_with(std::size_t tile, const FeatureMatrix& phi1, const FeatureMatrix& phi2, double scalar, double memory) {
  const double row = static_cast<double>(phi1.columns()) * scalar, t = static_cast<double>(tile),
               reading = 3 * row * static_cast<double>(std::max(phi1.block_rows(), phi2.block_rows())),
               rest = memory - reading - t * row - 3 * 8 * t * t;
  const double tiles = static_cast<double>((phi1.rows() + tile - 1) / tile);
  return {tile, rest < t * row ? 0 : static_cast<std::size_t>(std::min(tiles, rest / (t * row)))};
}

Cut best_cut(std::size_t given, const FeatureMatrix& phi1, const FeatureMatrix& phi2, double scalar, double memory) {
  std::size_t tile = given > 0 ? given : std::min(largest_tile, std::max(phi1.rows(), phi2.rows()));
  Cut cut = cut_with(tile, phi1, phi2, scalar, memory);
  while (given == 0 && cut.held == 0 && tile > smallest_tile)
    cut = cut_with(tile = std::max(smallest_tile, tile / 2), phi1, phi2, scalar, memory);
  if (cut.held > 0) return cut;
  const std::size_t file = std::max(phi1.block_rows(), phi2.block_rows());
  const double row = static_cast<double>(phi1.columns()) * scalar, t = static_cast<double>(tile),
               needed = 3 * row * static_cast<double>(file) + 2 * t * row + 3 * 8 * t * t;
  throw memory_error("[feature kernel] at least " + readable_bytes_up(needed) + " are needed, the budget is " +
                     readable_bytes(memory) + ". Files of the features have " + std::to_string(file) +
                     " rows, and tiles of the kernel " + std::to_string(tile) +
                     ". Raise the memory, or store the features in smaller parts.");
}

template <class T>
Array<T> rows_of(const FeatureMatrix& phi, Range rows) {
  if constexpr (sizeof(T) == sizeof(float))
    return phi.float_block(rows.first, rows.last);
  else
    return phi.block(rows.first, rows.last);
}

// a b^T in double for a (h, k) and b (w, k)
template <class T>
Array<double> product(std::size_t h, const T* a, std::size_t w, const T* b, std::size_t k) {
  Array<double> out = Array<double>::zeros({h, w});
  double* to = out.mutable_data();
  if constexpr (sizeof(T) == sizeof(double)) {
    kernels::gemm(false, true, h, w, k, 1.0, a, k, b, k, 0.0, to, w);
  } else {
    Array<T> part({h, w});
    for (std::size_t first = 0; first < k; first += summed_in_float) {
      const std::size_t length = std::min(summed_in_float, k - first);
      kernels::gemm(false, true, h, w, length, T(1), a + first, k, b + first, k, T(0), part.mutable_data(), w);
      kernels::add_widened(part.size(), part.data(), to);
    }
  }
  return out;
}

template <class T>
void compute(const FeatureMatrix& phi1, const FeatureMatrix& phi2, const Cut& cut, StoreTiles& tiles,
             const FeatureKernelOptions& options) {
  const Grid& grid = tiles.stored().shape().grid;
  const std::size_t k = phi1.columns();
  const auto work = [&](std::size_t i, std::size_t j) {
    return static_cast<double>(grid.row(i).size()) * static_cast<double>(grid.column(j).size());
  };
  double total = 0, found = 0;
  for (std::size_t i = 0; i < grid.tile_rows(); ++i)
    for (std::size_t j = grid.symmetric ? i : 0; j < grid.tile_columns(); ++j) {
      total += work(i, j);
      if (tiles.has(i, j)) found += work(i, j);
    }
  const Options told{.progress = options.progress};
  ProgressMeter meter(told, total);
  meter.skip(found);
  for (std::size_t begin = 0; begin < grid.tile_rows(); begin += cut.held) {
    const std::size_t end = std::min(grid.tile_rows(), begin + cut.held);
    const Range panel{grid.row(begin).first, grid.row(end - 1).last};
    Array<T> held;  // rows of the panel, read when a tile needs them
    for (std::size_t j = grid.symmetric ? begin : 0; j < grid.tile_columns(); ++j) {
      const Range columns = grid.column(j);
      Array<T> read;
      for (std::size_t i = begin; i < (grid.symmetric ? std::min(end, j + 1) : end); ++i) {
        if (tiles.has(i, j)) continue;
        if (!held.defined()) held = rows_of<T>(phi1, panel);
        const bool within = grid.symmetric && columns.last <= panel.last;
        if (!within && !read.defined()) read = rows_of<T>(phi2, columns);
        const Range rows = grid.row(i);
        Array<double> tile = product(rows.size(), held.data() + (rows.first - panel.first) * k, columns.size(),
                                     within ? held.data() + (columns.first - panel.first) * k : read.data(), k);
        if (grid.symmetric && i == j) kernels::mirror_upper(rows.size(), tile.mutable_data());
        tiles.put(i, j, tile);
        meter.add(work(i, j));
      }
    }
  }
}

StoredKernel stored(const FeatureMatrix& phi1, const FeatureMatrix& phi2, bool symmetric,
                    const FeatureKernelOptions& options) {
  if (options.store.empty()) throw option_error("[feature kernel] options.store is empty. Name a folder in it.");
  check_same_basis(phi1, phi2);
  const double memory = memory_budget(options.memory), scalar = options.single ? sizeof(float) : sizeof(double);
  const pool::Ceiling ceiling(static_cast<std::size_t>(memory));
  const std::size_t known = is_store(options.store) ? StoredKernel(options.store).shape().grid.edge : 0,
                    given = options.tile == 0 ? known : options.tile;
  const Cut cut = best_cut(given, phi1, phi2, scalar, memory);
  KernelShape shape;
  shape.grid = {phi1.rows(), phi2.rows(), cut.tile, symmetric};
  const StoreSettings settings{
      {"kernel", "of features"},
      {"features of the rows", phi1.identity()},
      {"features of the columns", symmetric ? "the same" : phi2.identity()},
      {"products", options.single ? "float" : "double"},
      {"processor", kernels::blas_core().core + ", " + kernels::loops<float>().instruction_set}};
  // How many tiles of rows are held decides about no bits, so another run may hold as many as its memory allows.
  const Partition partition{
      .tile = cut.tile, .panel = cut.tile, .shard = cut.tile, .rows_held = true, .columns_held = true};
  StoreTiles tiles(options.store, shape, partition, settings);
  options.single ? compute<float>(phi1, phi2, cut, tiles, options) : compute<double>(phi1, phi2, cut, tiles, options);
  return tiles.stored();
}

}  // namespace

StoredKernel stored_feature_kernel(const FeatureMatrix& phi, const FeatureKernelOptions& options) {
  return stored(phi, phi, true, options);
}

StoredKernel stored_feature_kernel(const FeatureMatrix& phi1, const FeatureMatrix& phi2,
                                   const FeatureKernelOptions& options) {
  return stored(phi1, phi2, false, options);
}

}  // namespace xtangent::ntk
