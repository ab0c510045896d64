#include "ntk/computation/store_tiles.hpp"

#include <algorithm>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/store_folder.hpp"
#include "ntk/computation/store_format.hpp"

namespace xtangent::ntk {

namespace fs = std::filesystem;
using namespace store_format;

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

StoreTiles::StoreTiles(const fs::path& folder, const KernelShape& shape, const Partition& partition,
                       const StoreSettings& settings) {
  nn::require_writable_folder(folder);
  lock_ = std::make_unique<FolderLock>(folder);
  const double tile_bytes =
      8.0 * static_cast<double>(shape.planes * shape.block * shape.column_block * shape.grid.edge * shape.grid.edge);
  if (!is_store(folder)) {
    require_empty(folder, manifest_name, "kernel");
    nn::remove_unfinished(folder / manifest_name);
    require_space(folder, static_cast<double>(shape.grid.count()) * tile_bytes, "kernel");
    const std::string text = text_of({shape, partition, settings});
    nn::write_file(folder / manifest_name, {text});
  }
  stored_ = std::make_unique<StoredKernel>(folder);
  require_same_settings(folder, stored_->settings(), settings);
  if (!(stored_->shape() == shape) || !(stored_->partition() == partition))
    throw option_error("[ntk store] " + folder.string() +
                       " was begun with other tiles. Use another folder, or continue " +
                       "with the options that it was begun with.");
  for (const fs::path& entry : entries(folder)) {
    const std::string name = entry.filename().string();
    const bool left = name.starts_with("tile-") && !parsed(name);  // by a run that was killed
    if (left || name.starts_with(nn::probe_name)) remove_entry(entry, "kernel");
  }
  for (auto at = stored_->files_.begin(); at != stored_->files_.end();) {
    try {
      stored_->tile(at->first.first, at->first.second);
      ++at;
    } catch (const data_error&) {  // the tile is computed again
      remove_entry(at->second, "kernel");
      at = stored_->files_.erase(at);
    }
  }
  require_space(folder, static_cast<double>(shape.grid.count() - stored_->finished()) * tile_bytes, "kernel");
}

StoreTiles::~StoreTiles() = default;

bool StoreTiles::has(std::size_t i, std::size_t j) const { return stored_->files_.contains({i, j}); }

void StoreTiles::put(const FinishedTile& tile) {
  const Array<double> values = tile.values();
  const Place place(tile.i(), tile.j());
  const fs::path file = stored_->folder_ / tile_name(place, sum_of(values, {tile.i(), tile.j()}, stored_->identity_));
  nn::write_npy(file, values);
  stored_->files_[place] = file;
}

}  // namespace xtangent::ntk
