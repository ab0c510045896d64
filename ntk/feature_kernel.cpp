#include "ntk/feature_kernel.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "autodiff/error.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/bfloat16.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "autodiff/pool.hpp"
#include "ntk/computation/division.hpp"
#include "ntk/computation/feature_products.hpp"
#include "ntk/computation/store_tiles.hpp"
#include "ntk/computation/tiled.hpp"
#include "ntk/contraction/gradients.hpp"
#include "ntk/contraction/long_gram.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/panels.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t largest_tile = 2048, smallest_tile = 16;  // rows

using Bits = std::uint16_t;  // of a number in bfloat16

// Bytes of a row of features as products take it, and what a row of a file takes while the file is read.
struct RowBytes {
  double held, read;
};

// How many rows are in memory, and what reading them takes.
struct Cut {
  std::size_t tile = 0, held = 0;  // rows of a tile, and tiles of rows that are held while the columns are read
};

// A file of features is read into bytes and then copied, and so is a tile on its way to the disk.
Cut cut_with(std::size_t tile, const FeatureMatrix& phi1, const FeatureMatrix& phi2, RowBytes row, double memory) {
  const double t = static_cast<double>(tile), block = t * row.held,
               reading = row.read * static_cast<double>(std::max(phi1.block_rows(), phi2.block_rows())),
               rest = memory - reading - block - 3 * 8 * t * t;
  const double tiles = static_cast<double>((phi1.rows() + tile - 1) / tile);
  return {tile, rest < block ? 0 : static_cast<std::size_t>(std::min(tiles, rest / block))};
}

Cut best_cut(std::size_t given, const FeatureMatrix& phi1, const FeatureMatrix& phi2, RowBytes row, double memory) {
  const std::size_t rows = std::max(phi1.rows(), phi2.rows());
  std::size_t tile = std::min(given > 0 ? given : largest_tile, rows);
  Cut cut = cut_with(tile, phi1, phi2, row, memory);
  while (given == 0 && cut.held == 0 && tile > smallest_tile)
    cut = cut_with(tile = std::max(smallest_tile, tile / 2), phi1, phi2, row, memory);
  if (cut.held > 0) return cut;
  const std::size_t file = std::max(phi1.block_rows(), phi2.block_rows());
  const double t = static_cast<double>(tile),
               needed = row.read * static_cast<double>(file) + 2 * t * row.held + 3 * 8 * t * t;
  throw memory_error("[feature kernel] at least " + readable_bytes_up(needed) + " are needed, the budget is " +
                     readable_bytes(memory) + ". Files of the features have " + std::to_string(file) +
                     " rows, and tiles of the kernel " + std::to_string(tile) +
                     ". Raise the memory, or store the features in smaller parts.");
}

// Rows of features in E: double, float, or bfloat16, of which an element of the array holds two.
template <class E>
class HeldRows {
 public:
  HeldRows() = default;
  HeldRows(const FeatureMatrix& phi, Range rows) {
    if constexpr (std::is_same_v<E, double>)
      values_ = phi.block(rows.first, rows.last);
    else if constexpr (std::is_same_v<E, float>)
      values_ = phi.float_block(rows.first, rows.last);
    else
      round(phi, rows);
  }

  // A row of a file is there as it was read, perhaps in double, and converted. In the end it has its place among the
  // rows that are held, but for one that is rounded, which is in float before.
  static RowBytes bytes(std::size_t columns) {
    const bool rounds = std::is_same_v<E, Bits>;
    const std::size_t held = sizeof(E) * (rounds ? rounded_length(columns) : columns),
                      read = sizeof(double) + sizeof(Element) + (std::is_same_v<E, float> ? 0 : sizeof(Element));
    return {static_cast<double>(held), static_cast<double>(read * columns)};
  }
  bool defined() const { return values_.defined(); }
  // So many rows from `first` on.
  Rows<E> rows(std::size_t first, std::size_t count) const {
    const std::size_t length = values_.shape()[1] * sizeof(*values_.data()) / sizeof(E);
    return {.data = reinterpret_cast<const E*>(values_.data()) + first * length, .rows = count, .length = length};
  }

 private:
  using Element = std::conditional_t<std::is_same_v<E, double>, double, float>;

  // Files are read one after the other, each once.
  void round(const FeatureMatrix& phi, Range rows) {
    const std::size_t k = phi.columns(), length = rounded_length(k), each = phi.block_rows();
    values_ = Array<Element>({rows.size(), length / 2});
    auto* to = reinterpret_cast<Bits*>(values_.mutable_data());
    for (std::size_t first = rows.first, last; first < rows.last; first = last) {
      last = std::min(rows.last, (first / each + 1) * each);
      const Array<float> block = phi.float_block(first, last);
      kernels::parallel_for(last - first, 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          Bits* row = to + (first - rows.first + i) * length;
          row[length - 1] = 0;
          kernels::bfloat16_loops().round(k, block.data() + i * k, row);
        }
      });
    }
  }

  Array<Element> values_;
};

// a b^T (h, w) for a (h, k) and b (w, k). If they are the same rows, only what is on and above the diagonal counts.
template <class E>
Array<double> product(const Rows<E>& a, const Rows<E>& b, bool same) {
  Block block({.rows = a.rows, .columns = b.rows, .symmetric = same});
  add_long_gram(a, b, block);
  return block.storage;
}

/// Computes the tiles that are not there and that this process may take. It holds a panel of rows of features and reads
/// the columns beside it.
template <class E>
class ProductLoop {
 public:
  ProductLoop(const FeatureMatrix& phi1, const FeatureMatrix& phi2, const Cut& cut, StoreTiles& tiles,
              const FeatureKernelOptions& options)
      : phi1_(phi1),
        phi2_(phi2),
        grid_(tiles.stored().shape().grid),
        held_(cut.held),
        tiles_(tiles),
        kernel_{.progress = options.progress, .store = options.store, .sharing = options.sharing},
        division_(division_of(kernel_, panels_of(grid_, grid_.edge))),
        meter_(kernel_, total()),
        counted_(grid_.tile_rows() * grid_.tile_columns()) {}

  void run() {
    tiles_.look();
    meter_.skip(found());
    compute_together(
        *division_, kernel_.sharing, [&] { look_and_count(); }, [&] { return tiles_.stored().complete(); },
        [&](bool join) { compute(join); });
  }

 private:
  std::size_t first_column(std::size_t i) const { return grid_.symmetric ? i : 0; }
  double work(std::size_t i, std::size_t j) const {
    return static_cast<double>(grid_.row(i).size()) * static_cast<double>(grid_.column(j).size());
  }
  template <class F>
  double sum_over_tiles(const F& f) const {
    double sum = 0;
    for (std::size_t i = 0; i < grid_.tile_rows(); ++i)
      for (std::size_t j = first_column(i); j < grid_.tile_columns(); ++j) sum += f(i, j);
    return sum;
  }
  double total() const {
    return sum_over_tiles([&](std::size_t i, std::size_t j) { return work(i, j); });
  }

  // What is there and was not counted yet: of an earlier run, or of other processes.
  double found() {
    return sum_over_tiles([&](std::size_t i, std::size_t j) {
      const std::size_t tile = i * grid_.tile_columns() + j;
      if (counted_[tile] || !tiles_.has(i, j)) return 0.0;
      counted_[tile] = true;
      return work(i, j);
    });
  }

  void look_and_count() {
    tiles_.look();
    meter_.add(found());
  }

  void compute(bool join) {
    for (std::size_t begin = 0; begin < grid_.tile_rows(); begin += held_) {
      const std::size_t end = std::min(grid_.tile_rows(), begin + held_);
      panel_ = {grid_.row(begin).first, grid_.row(end - 1).last};
      rows_ = {};
      for (std::size_t j = first_column(begin); j < grid_.tile_columns(); ++j)
        column(begin, grid_.symmetric ? std::min(end, j + 1) : end, j, join);
    }
    rows_ = {};
  }

  // The tiles of rows [begin, end) in column j. Everyone who works in a column reads it, so a process first looks for
  // columns in which nobody works, and then joins others.
  void column(std::size_t begin, std::size_t end, std::size_t j, bool join) {
    const Range columns = grid_.column(j);
    const bool within = grid_.symmetric && columns.last <= panel_.last;
    HeldRows<E> read;
    bool taken = false;
    for (std::size_t i = begin; i < end; ++i) {
      if (tiles_.has(i, j)) continue;
      if (!division_->take(i, j - first_column(i))) {
        if (kernel_.sharing.mode == Sharing::Mode::claims && !join && !taken) return;
        continue;
      }
      taken = true;
      // Another process may have finished the tile and let it go just before.
      if (kernel_.sharing.with_others()) look_and_count();
      if (!tiles_.has(i, j)) {
        if (!rows_.defined()) rows_ = HeldRows<E>(phi1_, panel_);
        if (!within && !read.defined()) read = HeldRows<E>(phi2_, columns);
        put(i, j, within ? rows_.rows(columns.first - panel_.first, columns.size()) : read.rows(0, columns.size()));
      }
      division_->finish();
    }
  }

  void put(std::size_t i, std::size_t j, const Rows<E>& of_columns) {
    const Range rows = grid_.row(i);
    const bool diagonal = grid_.symmetric && i == j;
    counted_[i * grid_.tile_columns() + j] = true;
    Array<double> tile = product(rows_.rows(rows.first - panel_.first, rows.size()), of_columns, diagonal);
    if (diagonal) kernels::mirror_upper(rows.size(), tile.mutable_data());
    if (!all_finite(tile)) refuse(rows, grid_.column(j));
    tiles_.put(i, j, tile);
    meter_.add(work(i, j));
  }

  [[noreturn]] static void refuse(Range rows, Range columns) {
    const auto text = [](Range r) { return std::to_string(r.first) + " to " + std::to_string(r.last - 1); };
    throw numerical_error("[feature kernel] products of the features of examples " + text(rows) + " and " +
                          text(columns) + " are NaN or infinity. Check the features" +
                          (std::is_same_v<E, double>  ? "."
                           : std::is_same_v<E, float> ? ", or set options.single to false."
                                                      : ", or set options.precision to exact and single to false.") +
                          " If the network has large gradients, scale its outputs.");
  }

  const FeatureMatrix &phi1_, &phi2_;
  const Grid grid_;
  std::size_t held_;
  StoreTiles& tiles_;
  Options kernel_;  // what the meter and the division take
  std::unique_ptr<Division> division_;
  ProgressMeter meter_;
  std::vector<bool> counted_;
  Range panel_{0, 0};
  HeldRows<E> rows_;  // of the panel, read when a tile needs them
};

template <class E>
std::string name_of() {
  return std::is_same_v<E, Bits> ? "bfloat16" : std::is_same_v<E, float> ? "float" : "double";
}

template <class E>
StoredKernel stored_with(const FeatureMatrix& phi1, const FeatureMatrix& phi2, bool symmetric,
                         const FeatureKernelOptions& options) {
  if (options.store.empty()) throw option_error("[feature kernel] options.store is empty. Name a folder in it.");
  check_sharing(options.sharing, options.store);
  check_same_basis(phi1, phi2);
  const double memory = memory_budget(shared_memory(options.memory, options.sharing));
  const pool::Ceiling ceiling(static_cast<std::size_t>(memory));
  const std::size_t known = is_store(options.store) ? StoredKernel(options.store).shape().grid.edge : 0,
                    given = options.tile == 0 ? known : options.tile;
  const Cut cut = best_cut(given, phi1, phi2, HeldRows<E>::bytes(phi1.columns()), memory);
  KernelShape shape;
  shape.grid = {phi1.rows(), phi2.rows(), cut.tile, symmetric};
  const StoreSettings settings{{"kernel", "of features"},
                               {"features of the rows", phi1.identity()},
                               {"features of the columns", symmetric ? "the same" : phi2.identity()},
                               {"products", name_of<E>() + ", in runs of " + std::to_string(run_length)},
                               {"processor", processor_name(options.precision)}};
  // How many tiles of rows are held decides about no bits, so another run may hold as many as its memory allows.
  const Partition partition{
      .tile = cut.tile, .panel = cut.tile, .shard = cut.tile, .rows_held = true, .columns_held = true};
  StoreTiles tiles(options.store, shape, partition, settings, options.sharing.with_others());
  ProductLoop<E>(phi1, phi2, cut, tiles, options).run();
  return tiles.stored();
}

StoredKernel stored(const FeatureMatrix& phi1, const FeatureMatrix& phi2, bool symmetric,
                    const FeatureKernelOptions& options) {
  if (options.precision == Precision::exact)
    return options.single ? stored_with<float>(phi1, phi2, symmetric, options)
                          : stored_with<double>(phi1, phi2, symmetric, options);
  if (!options.single)
    throw option_error(
        "[feature kernel] options.precision is bfloat16 and options.single is false; choose one of them.");
  return stored_with<Bits>(phi1, phi2, symmetric, options);
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
