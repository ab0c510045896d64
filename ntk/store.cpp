#include "ntk/store.hpp"

#include <algorithm>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/layout.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/store_format.hpp"

namespace xtangent::ntk {

namespace fs = std::filesystem;
using namespace store_format;

bool is_store(const fs::path& folder) { return has_manifest(folder); }

StoredKernel::StoredKernel(fs::path folder) : folder_(std::move(folder)) {
  if (!is_store(folder_)) fail(folder_, std::string("there is no ") + manifest_name + ": no kernel was stored here.");
  const Manifest manifest = read_manifest(folder_);
  shape_ = manifest.shape;
  partition_ = manifest.partition;
  settings_ = manifest.settings;
  const std::string text = text_of(manifest);
  identity_ = fingerprint(text.data(), text.size());
  find_tiles();
}

void StoredKernel::find_tiles() {
  files_.clear();
  const Grid& grid = shape_.grid;
  for (const fs::path& entry : entries(folder_))
    if (const auto tile = parsed(entry.filename().string())) {
      const auto [i, j] = tile->place;
      if (i < grid.tile_rows() && j < grid.tile_columns() && !(grid.symmetric && j < i)) files_[tile->place] = entry;
    }
}

void StoredKernel::require_complete() const {
  if (!complete())
    fail(folder_,
         "only " + std::to_string(finished()) + " of " + std::to_string(tiles()) +
             " tiles are finished. Compute the kernel again with this folder as its store, which continues it.");
}

Array<double> StoredKernel::tile(std::size_t i, std::size_t j) const {
  const fs::path& file = files_.at({i, j});
  Array<double> values = nn::read_npy<double>(file);
  if (!(values.shape() == shape_.tile_shape(i, j)) ||
      file.filename() != tile_name({i, j}, sum_of(values, {i, j}, identity_)))
    fail(file,
         "is corrupt: its checksum or shape does not fit. Remove it and compute the kernel again with this store.");
  return values;
}

// Copies what tile (i, j), or its mirror image, has of a block of the matrix into `out` (rows, columns).
void StoredKernel::place(const Array<double>& tile, std::size_t plane, std::size_t i, std::size_t j, bool mirrored,
                         Range rows, Range columns, double* out) const {
  const std::size_t h = shape_.grid.row(i).size() * shape_.block,
                    w = shape_.grid.column(j).size() * shape_.column_block;
  const double* from = tile.data() + plane * h * w;
  const std::size_t row0 = (mirrored ? shape_.grid.column(j) : shape_.grid.row(i)).first * shape_.block;
  const std::size_t column0 = (mirrored ? shape_.grid.row(i) : shape_.grid.column(j)).first * shape_.column_block;
  const std::size_t height = mirrored ? w : h, width = mirrored ? h : w;
  Array<double> turned;
  if (mirrored) {
    turned = Array<double>({height, width});
    kernels::transpose(Shape{h, w}, {1, 0}, from, turned.mutable_data());
    from = turned.data();
  }
  const Range r{std::max(rows.first, row0), std::min(rows.last, row0 + height)},
      c{std::max(columns.first, column0), std::min(columns.last, column0 + width)};
  if (r.first < r.last && c.first < c.last)
    kernels::copy_runs(r.size(), c.size(), from + (r.first - row0) * width + c.first - column0, width,
                       out + (r.first - rows.first) * columns.size() + c.first - columns.first, columns.size());
}

Array<double> StoredKernel::rows(std::size_t first, std::size_t last, std::size_t plane) const {
  return block({first, last}, {0, shape_.width()}, plane);
}

Array<double> StoredKernel::block(Range rows, Range columns, std::size_t plane) const {
  if (rows.first > rows.last || rows.last > shape_.height() || columns.first > columns.last ||
      columns.last > shape_.width() || plane >= shape_.planes)
    throw shape_error("[ntk store] rows " + std::to_string(rows.first) + " to " + std::to_string(rows.last) +
                      ", columns " + std::to_string(columns.first) + " to " + std::to_string(columns.last) +
                      ", plane " + std::to_string(plane) + " of a kernel " + to_string(shape_.shape()) + ".");
  require_complete();
  Array<double> out({rows.size(), columns.size()});
  if (out.size() == 0) return out;
  double* to = out.mutable_data();
  const std::size_t high = shape_.grid.edge * shape_.block, wide = shape_.grid.edge * shape_.column_block;
  for (std::size_t i = rows.first / high; i <= (rows.last - 1) / high; ++i)
    for (std::size_t j = columns.first / wide; j <= (columns.last - 1) / wide; ++j) {
      const bool mirrored = shape_.grid.symmetric && j < i;
      place(mirrored ? tile(j, i) : tile(i, j), plane, mirrored ? j : i, mirrored ? i : j, mirrored, rows, columns, to);
    }
  return out;
}

Array<double> StoredKernel::matrix() const {
  require_complete();
  Array<double> out(shape_.shape());
  double* to = out.mutable_data();
  const Range rows{0, shape_.height()}, columns{0, shape_.width()};
  for (const auto& [at, file] : files_) {
    const auto [i, j] = at;
    const Array<double> values = tile(i, j);
    for (std::size_t plane = 0; plane < shape_.planes; ++plane) {
      double* begin = to + plane * rows.size() * columns.size();
      place(values, plane, i, j, false, rows, columns, begin);
      if (shape_.grid.symmetric && i != j) place(values, plane, i, j, true, rows, columns, begin);
    }
  }
  return out;
}

void StoredKernel::write_npy(const fs::path& file) const {
  require_complete();
  const std::size_t n = shape_.height(), width = shape_.width();
  // Tile by tile, each of which is read once.
  const auto fill = [&](const nn::PutElements<double>& put) {
    for (const auto& [at, name] : files_) {
      const auto [i, j] = at;
      const Array<double> values = tile(i, j);
      const std::size_t h = shape_.grid.row(i).size() * shape_.block,
                        w = shape_.grid.column(j).size() * shape_.column_block;
      const std::size_t row = shape_.grid.row(i).first * shape_.block,
                        column = shape_.grid.column(j).first * shape_.column_block;
      for (std::size_t plane = 0; plane < shape_.planes; ++plane) {
        const double* from = values.data() + plane * h * w;
        for (std::size_t r = 0; r < h; ++r) put((plane * n + row + r) * width + column, {from + r * w, w});
        if (!shape_.grid.symmetric || i == j) continue;
        Array<double> turned({w, h});
        kernels::transpose(Shape{h, w}, {1, 0}, from, turned.mutable_data());
        for (std::size_t r = 0; r < w; ++r) put((plane * n + column + r) * width + row, {turned.data() + r * h, h});
      }
    }
  };
  if (nn::write_npy_in_any_order<double>(file, shape_.shape(), fill)) return;
  const std::size_t each = shape_.grid.edge * shape_.block;
  std::size_t plane = 0, first = 0;
  nn::write_npy<double>(file, shape_.shape(), [&]() -> Array<double> {
    if (first == n && ++plane < shape_.planes) first = 0;
    const std::size_t begin = first;
    first = std::min(n, first + each);
    return rows(begin, first, plane);
  });
}

LinearMap StoredKernel::map() const {
  if (!shape_.grid.symmetric || shape_.planes != 1)
    throw shape_error("[ntk store] only one symmetric kernel is a map: " + folder_.string() + " holds " +
                      to_string(shape_.shape()) + ".");
  require_complete();
  return {shape_.height(), [store = *this](const Array<double>& u) {
            const std::size_t m = u.shape()[1];
            Array<double> out = Array<double>::zeros(u.shape());
            double* to = out.mutable_data();
            for (const auto& [at, file] : store.files_) {
              const auto [i, j] = at;
              const Array<double> t = store.tile(i, j);
              const std::size_t h = t.shape()[0], w = t.shape()[1], edge = store.shape_.grid.edge * store.shape_.block;
              kernels::gemm(false, false, h, m, w, 1.0, t.data(), w, u.data() + j * edge * m, m, 1.0, to + i * edge * m,
                            m);
              if (i != j)
                kernels::gemm(true, false, w, m, h, 1.0, t.data(), w, u.data() + i * edge * m, m, 1.0,
                              to + j * edge * m, m);
            }
            return out;
          }};
}

}  // namespace xtangent::ntk
