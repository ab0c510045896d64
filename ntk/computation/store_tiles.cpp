#include "ntk/computation/store_tiles.hpp"

#include "autodiff/error.hpp"
#include "autodiff/kernels/bfloat16.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/computation/store_format.hpp"

namespace xtangent::ntk {

namespace fs = std::filesystem;
using namespace store_format;

std::string processor_name(Precision precision) {
  std::string name = kernels::blas_core().core + ", " + kernels::loops<float>().instruction_set;
  if (const char* more = kernels::bfloat16_instructions(); more && precision == Precision::bfloat16)
    name.append(", ").append(more);
  return name;
}

void require_same_kernel(const StoredKernel& store, std::size_t rows, std::size_t columns, bool symmetric) {
  const Grid& g = store.shape().grid;
  if (g.rows == rows && g.columns == columns && g.symmetric == symmetric) return;
  const auto text = [](std::size_t m, std::size_t n, bool same) {
    return std::to_string(m) + " x " + std::to_string(n) + (same ? " examples, symmetric" : " examples");
  };
  throw option_error("[ntk store] " + store.folder().string() + " was begun with another kernel: " +
                     text(g.rows, g.columns, g.symmetric) + " then, " + text(rows, columns, symmetric) +
                     " now. Use another folder, or continue with the kernel that it was begun with.");
}

namespace {

// The bytes of all tiles but those for which there(i, j) is true.
template <class There>
double bytes_of_tiles(const KernelShape& shape, const There& there) {
  double bytes = 0;
  for (std::size_t i = 0; i < shape.grid.tile_rows(); ++i)
    for (std::size_t j = shape.grid.symmetric ? i : 0; j < shape.grid.tile_columns(); ++j)
      if (!there(i, j)) bytes += 8.0 * static_cast<double>(shape.tile_shape(i, j).size());
  return bytes;
}

}  // namespace

StoreTiles::StoreTiles(const fs::path& folder, const KernelShape& shape, const Partition& partition,
                       const StoreSettings& settings, bool share)
    : folder_(folder), shared_(folder, share, "kernel", "tiles", "tile-", [](const std::string& name) {
        return parsed(name).has_value();
      }) {
  if (!is_store(folder))
    shared_.begin(text_of({shape, partition, settings}),
                  bytes_of_tiles(shape, [](std::size_t, std::size_t) { return false; }));
  stored_ = std::make_unique<StoredKernel>(folder);
  require_same_settings(folder, stored_->settings(), settings);
  if (!(stored_->shape() == shape) || !(stored_->partition() == partition))
    throw option_error("[ntk store] " + folder.string() +
                       " was begun with other tiles. Use another folder, or continue " +
                       "with the options that it was begun with.");
  shared_.tidy_up_alone();
  check_tiles();
  require_space(folder, bytes_of_tiles(shape, [&](std::size_t i, std::size_t j) { return has(i, j); }), "kernel");
}

StoreTiles::~StoreTiles() = default;

void StoreTiles::check_tiles() {
  std::erase_if(stored_->files_, [&](const auto& tile) {  // what is damaged is computed again
    return !is_whole(tile.second, "kernel", [&] { stored_->tile(tile.first.first, tile.first.second); });
  });
}

bool StoreTiles::has(std::size_t i, std::size_t j) const { return stored_->files_.contains({i, j}); }

void StoreTiles::look() {
  if (!shared_.shared()) return;
  shared_.require_manifest();
  stored_->find_tiles();
  if (stored_->complete()) shared_.tidy_up_at_the_end();
}

void StoreTiles::put(const FinishedTile& tile) { put(tile.i(), tile.j(), tile.values()); }

void StoreTiles::put(std::size_t i, std::size_t j, const Array<double>& values) {
  const Place place(i, j);
  const fs::path file = folder_ / tile_name(place, sum_of(values, {i, j}, stored_->identity_));
  shared_.write(file, values);
  stored_->files_[place] = file;
}

}  // namespace xtangent::ntk
