#include "ntk/computation/store_tiles.hpp"

#include <algorithm>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/claims.hpp"
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

namespace {

double bytes_of_tiles(const KernelShape& shape, std::size_t count) {
  return 8.0 *
         static_cast<double>(shape.planes * shape.block * shape.column_block * shape.grid.edge * shape.grid.edge) *
         static_cast<double>(count);
}

}  // namespace

StoreTiles::StoreTiles(const fs::path& folder, const KernelShape& shape, const Partition& partition,
                       const StoreSettings& settings, bool share)
    : folder_(folder), share_(share) {
  nn::require_writable_folder(folder);
  lock_ = std::make_unique<FolderLock>(folder, share);
  if (!is_store(folder)) begin(shape, partition, settings);
  stored_ = std::make_unique<StoredKernel>(folder);
  require_same_settings(folder, stored_->settings(), settings);
  if (!(stored_->shape() == shape) || !(stored_->partition() == partition))
    throw option_error("[ntk store] " + folder.string() +
                       " was begun with other tiles. Use another folder, or continue " +
                       "with the options that it was begun with.");
  if (!share_) remove_leftovers();
  check_tiles();
  require_space(folder, bytes_of_tiles(shape, shape.grid.count() - stored_->finished()), "kernel");
}

StoreTiles::~StoreTiles() = default;

// Several processes may do this at once: the first one makes the manifest, which all then compare with their settings.
void StoreTiles::begin(const KernelShape& shape, const Partition& partition, const StoreSettings& settings) {
  try {
    require_empty(folder_, manifest_name, "kernel");
  } catch (const data_error&) {
    if (share_ && is_store(folder_)) return;  // another process was faster and has put tiles there already
    throw;
  }
  require_space(folder_, bytes_of_tiles(shape, shape.grid.count()), "kernel");
  const fs::path file = folder_ / manifest_name;
  const std::string text = text_of({shape, partition, settings});
  if (share_) {
    make_once(file, text);
    return;
  }
  nn::remove_unfinished(file);
  nn::write_file(file, {text});
}

// Removes what processes that were killed have left. Where others may be at work, that is only what nobody needs when
// all tiles are there.
void StoreTiles::remove_leftovers() {
  for (const fs::path& entry : entries(folder_)) {
    const std::string name = entry.filename().string();
    if ((name.starts_with("tile-") && !parsed(name)) || name.starts_with(nn::probe_name) ||
        name.starts_with(std::string(manifest_name) + ".new-"))
      remove_entry(entry, "kernel");
  }
  remove_claims(folder_);
}

void StoreTiles::check_tiles() {
  for (auto at = stored_->files_.begin(); at != stored_->files_.end();) {
    try {
      stored_->tile(at->first.first, at->first.second);
      ++at;
    } catch (const data_error&) {  // the tile is computed again
      remove_entry(at->second, "kernel");
      at = stored_->files_.erase(at);
    }
  }
}

bool StoreTiles::has(std::size_t i, std::size_t j) const { return stored_->files_.contains({i, j}); }

void StoreTiles::look() {
  if (!share_) return;
  if (!is_store(folder_))
    fail(folder_, std::string(manifest_name) +
                      " is not there any more. Was the folder removed, or has its disk gone? Finished tiles "
                      "are where they were; the same call continues them.");
  stored_->find_tiles();
  if (!stored_->complete() || tidy_) return;
  remove_leftovers();
  tidy_ = true;
}

void StoreTiles::put(const FinishedTile& tile) { put(tile.i(), tile.j(), tile.values()); }

void StoreTiles::put(std::size_t i, std::size_t j, const Array<double>& values) {
  const Place place(i, j);
  const fs::path file = folder_ / tile_name(place, sum_of(values, {i, j}, stored_->identity_));
  try {
    nn::write_npy(file, values);
  } catch (const data_error&) {
    // A process that computes the same tile, or finds the store complete, may have removed the unfinished file.
    std::error_code none;
    if (!share_) throw;
    if (!fs::exists(file, none)) nn::write_npy(file, values);
  }
  stored_->files_[place] = file;
}

}  // namespace xtangent::ntk
