#include "ntk/computation/store_tiles.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/store_format.hpp"

namespace xtangent::ntk {

namespace fs = std::filesystem;
using namespace store_format;

void require_same_settings(const StoredKernel& store, const StoreSettings& settings) {
  std::string differing;
  for (const auto& [name, value] : settings) {
    const auto known = std::find_if(store.settings().begin(), store.settings().end(),
                                    [&sought = name](const auto& s) { return s.first == sought; });
    const std::string before = known == store.settings().end() ? "nothing" : known->second;
    if (before != value)
      differing += (differing.empty() ? "" : ", ") + name + " (" + before + " then, " + value + " now)";
  }
  if (!differing.empty())
    throw option_error("[ntk store] " + store.folder().string() + " was begun with other settings: " + differing +
                       ". Use another folder, or continue with the settings that it was begun with.");
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

// An advisory lock, which ends with the process however that ends.
class StoreTiles::Lock {
 public:
  explicit Lock(const fs::path& folder)
      : file_(::open((folder / "lock").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ < 0) fail(folder, std::string("cannot be written: ") + std::strerror(errno) + ". Choose another folder.");
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    ::close(file_);
    fail(folder, "another process is computing in this store. Wait for it, or use another folder.");
  }
  ~Lock() { ::close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_;
};

namespace {

// Checks the space on the disk before hours of work, not after.
void require_space(const fs::path& folder, double bytes) {
  std::error_code code;
  const fs::space_info space = fs::space(folder, code);
  if (code || static_cast<double>(space.available) >= bytes) return;
  fail(folder, "its disk has " + std::to_string(space.available >> 20) + " MiB free, but the kernel needs " +
                   std::to_string(static_cast<std::size_t>(bytes) >> 20) + " MiB. Make room, or use another folder.");
}

void require_empty(const fs::path& folder) {
  for (const fs::path& entry : entries(folder)) {
    const std::string name = entry.filename().string();
    // A process that was killed at the right moment leaves a half manifest, or the file by which it tried the folder.
    const bool ours = name == "lock" || name.starts_with(manifest_name) || name.starts_with(nn::probe_name);
    if (!ours) fail(folder, "holds other files (" + name + ") and no kernel. Use an empty folder.");
  }
}

}  // namespace

StoreTiles::StoreTiles(const fs::path& folder, const KernelShape& shape, const Partition& partition,
                       const StoreSettings& settings) {
  nn::require_writable_folder(folder);
  lock_ = std::make_unique<Lock>(folder);
  const double tile_bytes =
      8.0 * static_cast<double>(shape.planes * shape.block * shape.column_block * shape.grid.edge * shape.grid.edge);
  if (!is_store(folder)) {
    require_empty(folder);
    nn::remove_unfinished(folder / manifest_name);
    require_space(folder, static_cast<double>(shape.grid.count()) * tile_bytes);
    const std::string text = text_of({shape, partition, settings});
    nn::write_file(folder / manifest_name, {text});
  }
  stored_ = std::make_unique<StoredKernel>(folder);
  require_same_settings(*stored_, settings);
  if (!(stored_->shape() == shape) || !(stored_->partition() == partition))
    throw option_error("[ntk store] " + folder.string() +
                       " was begun with other tiles. Use another folder, or continue " +
                       "with the options that it was begun with.");
  for (const fs::path& entry : entries(folder)) {
    const std::string name = entry.filename().string();
    const bool left = name.starts_with("tile-") && !parsed(name);  // by a run that was killed
    if (left || name.starts_with(nn::probe_name)) remove_entry(entry);
  }
  for (auto at = stored_->files_.begin(); at != stored_->files_.end();) {
    try {
      stored_->tile(at->first.first, at->first.second);
      ++at;
    } catch (const data_error&) {  // the tile is computed again
      remove_entry(at->second);
      at = stored_->files_.erase(at);
    }
  }
  require_space(folder, static_cast<double>(shape.grid.count() - stored_->finished()) * tile_bytes);
}

StoreTiles::~StoreTiles() = default;

bool StoreTiles::has(std::size_t i, std::size_t j) const { return stored_->files_.contains({i, j}); }

void StoreTiles::put(const FinishedTile& tile) {
  const Array<double> values = tile.values();
  const Place place(tile.i(), tile.j());
  const fs::path file = stored_->folder_ / tile_name(place, sum_of(values, place, stored_->identity_));
  nn::write_npy(file, values);
  stored_->files_[place] = file;
}

}  // namespace xtangent::ntk
