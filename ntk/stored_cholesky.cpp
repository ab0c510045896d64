#include "ntk/stored_cholesky.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/pool.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/algebra/refinement.hpp"
#include "ntk/computation/factor_tiles.hpp"
#include "ntk/computation/tiled.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t largest_tile = 16384;  // rows; larger ones gain nothing and make steps long

// How a factor of order n is cut, and what that takes.
struct FactorCut {
  std::size_t tile = 0, together = 0;  // rows of a tile, and tiles of a column that are in memory together
  double read = 0;                     // tiles of L that are read, in elements

  bool better_than(const FactorCut& other) const { return together > 0 && (other.together == 0 || read < other.read); }
};

// A tile is read into bytes and then copied, and a block of the kernel takes up to three tiles of the kernel: the
// bytes, their copy and its mirror image.
double least_bytes(double tile, double scalar, double kernel_tile) {
  const double elements = tile * tile, reading = 3 * scalar * elements,
               forming = 3 * 8 * kernel_tile * kernel_tile + (scalar < 8 ? 8 * elements : 0);
  return std::max(reading, forming);
}

FactorCut cut_with(std::size_t n, std::size_t tile, double scalar, double kernel_tile, double memory) {
  FactorCut out{tile, 0, 0};
  const double t = static_cast<double>(tile), rest = memory - least_bytes(t, scalar, kernel_tile);
  if (rest < scalar * t * t) return out;
  const std::size_t along = (n + tile - 1) / tile;
  out.together = static_cast<std::size_t>(std::min(rest / (scalar * t * t), static_cast<double>(along)));
  for (std::size_t j = 0; j < along; ++j) {
    const std::size_t tiles = along - j, groups = (tiles + out.together - 1) / out.together;
    out.read += static_cast<double>(j * (tiles + groups)) * t * t;
  }
  return out;
}

// The tiles that come into question: those of the kernel and multiples of them, and parts of them if they are too
// large.
std::vector<std::size_t> possible_tiles(std::size_t n, std::size_t kernel_tile) {
  const std::size_t most = std::min(n, largest_tile);
  std::vector<std::size_t> out;
  for (std::size_t times = 1; times * kernel_tile < most + kernel_tile; ++times)
    out.push_back(std::min(times * kernel_tile, most));
  for (std::size_t parts = 2; parts <= 64 && kernel_tile / parts >= 64; ++parts)
    out.push_back(std::min((kernel_tile + parts - 1) / parts, most));
  return out;
}

// The tiles of which the fewest are read.
FactorCut best_cut(std::size_t n, double scalar, std::size_t kernel_tile, double memory) {
  FactorCut best;
  for (std::size_t tile : possible_tiles(n, kernel_tile)) {
    const FactorCut cut = cut_with(n, tile, scalar, static_cast<double>(std::min(kernel_tile, n)), memory);
    if (cut.better_than(best)) best = cut;
  }
  return best;
}

std::string text_of_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::vector<double> diagonal_of(const StoredKernel& kernel) {
  std::vector<double> out;
  const Grid& grid = kernel.shape().grid;
  for (std::size_t i = 0; i < grid.tile_rows(); ++i) {
    const Range rows{grid.row(i).first * kernel.shape().block, grid.row(i).last * kernel.shape().block};
    const Array<double> tile = kernel.block(rows, rows);
    for (std::size_t r = 0; r < rows.size(); ++r) out.push_back(tile[r * (rows.size() + 1)]);
  }
  return out;
}

// Multiply-adds for tile (i, j), whose rows of the factor begin at column `before`.
double effort(Range i, Range j, std::size_t before) {
  return static_cast<double>(i.size()) * static_cast<double>(j.size()) *
         (static_cast<double>(before) + static_cast<double>(j.size()) / 2);
}

}  // namespace

StoredCholesky::StoredCholesky(const StoredKernel& kernel, const std::filesystem::path& folder, const Options& options)
    : kernel_(kernel), refinements_(options.refinements) {
  const KernelShape& shape = kernel_.shape();
  if (!shape.grid.symmetric || shape.planes != 1)
    throw shape_error("[stored cholesky] " + kernel_.folder().string() + " holds a kernel " + to_string(shape.shape()) +
                      (shape.planes != 1 ? " of several planes" : " between two sets") +
                      ". A factor needs one symmetric kernel.");
  check_ridge("stored cholesky", options.ridge);
  const double memory = memory_budget(options.memory), scalar = options.single ? sizeof(float) : sizeof(double);
  const pool::Ceiling ceiling(static_cast<std::size_t>(memory));
  const std::size_t n = shape.height(), kernel_tile = std::min(n, shape.grid.edge * shape.block);
  const std::optional<factor_format::Manifest> known = factor_format::manifest_in(folder);
  const std::size_t given = options.tile == 0 && known ? known->tile : options.tile;
  const FactorCut cut = given == 0 ? best_cut(n, scalar, kernel_tile, memory)
                                   : cut_with(n, std::min(given, n), scalar, static_cast<double>(kernel_tile), memory);
  if (cut.together == 0) {
    const std::vector<std::size_t> tiles = possible_tiles(n, kernel_tile);
    const double edge = static_cast<double>(given == 0 ? *std::min_element(tiles.begin(), tiles.end())
                                                       : std::min(given, n)),
                 needed = least_bytes(edge, scalar, static_cast<double>(kernel_tile)) + scalar * edge * edge;
    throw memory_error("[stored cholesky] at least " + readable_bytes_up(needed) + " are needed, the budget is " +
                       readable_bytes(memory) + ". Tiles of the kernel have " + std::to_string(kernel_tile) + " rows" +
                       (given == 0 ? "" : ", and those of the factor " + std::to_string(given)) +
                       ". Raise the memory, or store the kernel in smaller tiles.");
  }

  diagonal_ = diagonal_of(kernel_);
  ridge_ = absolute_ridge(diagonal_, options.ridge, options.relative);
  for (double& d : diagonal_) d += ridge_;
  tiles_ = std::make_shared<FactorTiles>(
      folder, factor_format::Manifest{
                  n, cut.tile, options.single, {{"kernel", kernel_.identity()}, {"ridge", text_of_number(ridge_)}}});
  options.single ? factor<float>(cut.together, options.progress) : factor<double>(cut.together, options.progress);
  tiles_->finish();
}

std::size_t StoredCholesky::tile() const { return tiles_->manifest().tile; }

template <class T>
Array<T> StoredCholesky::part_of_kernel(std::size_t i, std::size_t j) const {
  const Range rows = tiles_->rows(i), columns = tiles_->rows(j);
  Array<double> block = kernel_.block(rows, columns);
  for (std::size_t r = 0; i == j && r < rows.size(); ++r)
    block.mutable_data()[r * (rows.size() + 1)] = diagonal_[rows.first + r];
  Array<T> out = converted<T>(block);
  if (!all_finite(out))
    throw numerical_error("[stored cholesky] rows " + std::to_string(rows.first) + " to " + std::to_string(rows.last) +
                          " of the kernel hold NaN, infinity" +
                          (sizeof(T) == 4 ? ", or numbers too large for float." : "."));
  return out;
}

template <class T>
void StoredCholesky::factor_tile(std::size_t j, Array<T>& tile) {
  const Range rows = tiles_->rows(j);
  const std::size_t n = rows.size();
  T* a = tile.mutable_data();
  if (const std::size_t failed = kernels::cholesky(n, a, n)) refuse(rows.first + failed - 1);
  const double least = pivot_rounding<T>(size());
  for (std::size_t r = 0; r < n; ++r) {
    const double l = static_cast<double>(a[r * (n + 1)]);
    if (l * l <= least * diagonal_[rows.first + r]) refuse(rows.first + r);
    std::fill(a + r * n + r + 1, a + (r + 1) * n, T(0));  // where the kernel was
  }
}

void StoredCholesky::refuse(std::size_t row) const {
  double mean = 0;
  for (double d : diagonal_) mean += (d - ridge_) / static_cast<double>(size());
  std::ostringstream text;
  text << "[stored cholesky] the kernel of order " << size() << " is not positive definite: row " << row
       << ", whose diagonal entry is " << diagonal_[row]
       << ", depends on those above it. Remove duplicate examples, use a network with at least as many parameters as "
       << "rows, or add a ridge";
  if (mean > 0) {
    const double rounding = tiles_->manifest().single ? pivot_rounding<float>(size()) : pivot_rounding<double>(size());
    const double needed = 10 * rounding * diagonal_[row] + ridge_;
    text << ", such as " << std::pow(10.0, std::ceil(std::log10(needed / mean))) << " of the mean of the diagonal ("
         << mean << "), in another folder";
  }
  text << ".";
  throw numerical_error(text.str());
}

// So many tiles of a column are in memory together.
template <class T>
void StoredCholesky::factor(std::size_t together, const std::function<void(const Progress&)>& progress) {
  check_resolved<T>("stored cholesky", diagonal_);
  const std::size_t along = tiles_->along();
  const ntk::Options reporting{.progress = progress};
  double total = 0, found = 0;
  for (std::size_t j = 0; j < along; ++j)
    for (std::size_t i = j; i < along; ++i) {
      const double each = effort(tiles_->rows(i), tiles_->rows(j), tiles_->rows(j).first);
      total += each;
      if (tiles_->has(i, j)) found += each;
    }
  ProgressMeter meter(reporting, total);
  meter.skip(found);
  for (std::size_t j = 0; j < along; ++j) {
    const Range columns = tiles_->rows(j);
    const std::size_t width = columns.size();
    std::vector<std::size_t> missing;
    for (std::size_t i = j; i < along; ++i)
      if (!tiles_->has(i, j)) missing.push_back(i);
    for (std::size_t begin = 0; begin < missing.size(); begin += together) {
      const std::vector<std::size_t> rows(
          missing.begin() + static_cast<std::ptrdiff_t>(begin),
          missing.begin() + static_cast<std::ptrdiff_t>(std::min(missing.size(), begin + together)));
      std::vector<Array<T>> held;
      for (std::size_t i : rows) held.push_back(part_of_kernel<T>(i, j));
      for (std::size_t k = 0; k < j; ++k) {
        const Range before = tiles_->rows(k);
        const std::size_t depth = before.size();
        const Array<T> across = tiles_->read<T>(j, k);
        for (std::size_t at = 0; at < rows.size(); ++at) {
          const std::size_t height = tiles_->rows(rows[at]).size();
          T* tile = held[at].mutable_data();
          if (rows[at] == j) {
            kernels::symmetric_product(width, depth, T(-1), across.data(), depth, tile, width);
          } else {
            const Array<T> left = tiles_->read<T>(rows[at], k);
            kernels::gemm(false, true, height, width, depth, T(-1), left.data(), depth, across.data(), depth, T(1),
                          tile, width);
          }
          meter.add(static_cast<double>(height) * static_cast<double>(width) * static_cast<double>(depth));
        }
      }
      Array<T> diagonal;
      for (std::size_t at = 0; at < rows.size(); ++at) {
        const Range at_rows = tiles_->rows(rows[at]);
        if (rows[at] == j) {
          factor_tile(j, held[at]);
          diagonal = held[at];
        } else {
          if (!diagonal.defined()) diagonal = tiles_->read<T>(j, j);
          kernels::triangular_solve_rows(width, diagonal.data(), width, at_rows.size(), held[at].mutable_data(), width);
          if (!all_finite(held[at]))
            throw numerical_error("[stored cholesky] the factor overflows. Multiply the kernel by a number.");
        }
        tiles_->write(rows[at], j, held[at]);
        meter.add(effort(at_rows, columns, 0));
      }
    }
  }
  for (std::size_t j = 0; j < along; ++j) {
    const Array<T> tile = tiles_->read<T>(j, j);
    for (std::size_t r = 0; r < tile.shape()[0]; ++r)
      pivots_.push_back(static_cast<double>(tile[r * (tile.shape()[0] + 1)]));
  }
}

double StoredCholesky::log_determinant() const { return log_determinants()[size() - 1]; }

Array<double> StoredCholesky::log_determinants() const {
  Array<double> out({size()});
  double sum = 0;
  for (std::size_t i = 0; i < size(); ++i) out.mutable_data()[i] = sum += 2 * std::log(pivots_[i]);
  return out;
}

// d (n, columns) becomes L^-T L^-1 d. Each tile is read once for either of the two.
template <class T>
void StoredCholesky::substitute(T* d, std::size_t columns) const {
  const std::size_t along = tiles_->along();
  const auto part = [&](std::size_t i) { return d + tiles_->rows(i).first * columns; };
  const auto subtract = [&](bool transpose, std::size_t i, std::size_t j) {
    const Array<T> tile = tiles_->read<T>(i, j);
    const std::size_t h = tile.shape()[0], w = tile.shape()[1];
    kernels::gemm(transpose, false, transpose ? w : h, columns, transpose ? h : w, T(-1), tile.data(), w,
                  part(transpose ? i : j), columns, T(1), part(transpose ? j : i), columns);
  };
  const auto divide = [&](bool transpose, std::size_t j) {
    const Array<T> tile = tiles_->read<T>(j, j);
    kernels::triangular_solve(transpose, tile.shape()[0], tile.data(), tile.shape()[0], columns, part(j), columns);
  };
  for (std::size_t j = 0; j < along; ++j) {
    divide(false, j);
    for (std::size_t i = j + 1; i < along; ++i) subtract(false, i, j);
  }
  for (std::size_t j = along; j-- > 0;) {
    for (std::size_t i = j + 1; i < along; ++i) subtract(true, i, j);
    divide(true, j);
  }
}

Array<double> StoredCholesky::solve_unrefined(const Doubles& y) const {
  check_rhs("stored cholesky solve", y, size());
  const double largest = *std::max_element(diagonal_.begin(), diagonal_.end());
  const auto with = [&](auto zero) {
    using T = decltype(zero);
    return in_scaled_columns<T>(y, size(), largest, [&](T* d, std::size_t columns) { substitute(d, columns); });
  };
  return tiles_->manifest().single ? with(0.0F) : with(0.0);
}

Array<double> StoredCholesky::solve(const Doubles& y) const {
  return refined(
      "stored cholesky solve", y, size(), refinements_, tiles_->manifest().single,
      [&](const Array<double>& r) { return solve_unrefined(r); },
      [&](const Array<double>& x, const Array<double>& right) { return residual(x, right); });
}

Array<double> StoredCholesky::residual(const Doubles& x, const Doubles& y) const {
  check_rhs("stored cholesky residual", y, size());
  if (!(x.shape() == y.shape()))
    throw shape_error("[stored cholesky residual] x " + to_string(x.shape()) + " and y " + to_string(y.shape()) +
                      " differ.");
  const Shape columns{size(), y.size() / size()};
  const Array<double> product = kernel_.map()(x.reshaped(columns));
  Array<double> out = y.clone();
  kernels::axpy(out.size(), -1.0, product.data(), out.mutable_data());
  kernels::axpy(out.size(), -ridge_, x.data(), out.mutable_data());
  return out;
}

Array<double> StoredCholesky::log_evidence(const Doubles& y, const Doubles& x) const {
  check_rhs("stored cholesky evidence", y, size());
  if (x.defined() && !(x.shape() == y.shape()))
    throw shape_error("[stored cholesky evidence] x " + to_string(x.shape()) + " and y " + to_string(y.shape()) +
                      " differ.");
  return log_evidences(y, x.defined() ? Array<double>(x) : solve(y), size(), log_determinant());
}

}  // namespace xtangent::ntk
