#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ntk/algebra/linear_map.hpp"
#include "ntk/plan.hpp"
#include "ntk/sink.hpp"

/// Kernels in folders. Tiles are written as soon as they are finished, so that finished work is never lost and a kernel
/// may be larger than the memory.
///
/// A store is a folder with `manifest.json` (what is computed, from what, in which tiles) and one NumPy file for each
/// finished tile, tile-ROW-COLUMN-CHECKSUM.npy. Every file is written under a temporary name, flushed and renamed. So a
/// file is whole or not there at all, whenever the process is killed. The manifest has a checksum of its own, and the
/// checksum of a tile covers its place and its store: a file that is damaged, renamed or of another store is refused.
namespace xtangent::ntk {

/// What a store was begun with, as pairs of name and value: the readout, the options, and fingerprints of the network,
/// its parameters and the data.
using StoreSettings = std::vector<std::pair<std::string, std::string>>;

/// A kernel in a folder, complete or not. Reading a tile checks its checksum.
class StoredKernel {
 public:
  /// Opens the store in a folder. Throws data_error (there is no store, or its manifest is corrupt).
  explicit StoredKernel(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const KernelShape& shape() const { return shape_; }
  const Partition& partition() const { return partition_; }
  const StoreSettings& settings() const { return settings_; }
  /// The fingerprint of the manifest, which tells this kernel from others.
  const std::string& identity() const { return identity_; }
  std::size_t tiles() const { return shape_.grid.count(); }
  std::size_t finished() const { return files_.size(); }
  bool complete() const { return finished() == tiles(); }

  /// Rows [first, last) of the matrix, (last - first, width), or of its plane `plane` if the shape has several. Reads
  /// the tiles that these rows cross. Throws shape_error (out of range), data_error (the kernel is not complete, or a
  /// tile is missing, truncated or corrupt; the message names the file).
  Array<double> rows(std::size_t first, std::size_t last, std::size_t plane = 0) const;
  /// The entries in a range of rows and a range of columns. It reads the tiles that these cross, one at a time. Throws
  /// as rows() does.
  Array<double> block(Range rows, Range columns, std::size_t plane = 0) const;
  /// The whole kernel as an array of shape().shape(). Throws data_error as rows() does.
  Array<double> matrix() const;
  /// Writes the kernel as one NumPy file, whole or not at all. Memory: two tiles, or a row of tiles for a
  /// FIFO or a device, which takes the rows in their order. Throws data_error.
  void write_npy(const std::filesystem::path& file) const;
  /// A symmetric kernel as a map that reads tile by tile from the disk, for Lanczos and conjugate gradients on kernels
  /// that do not fit in memory. Throws shape_error (the kernel is not symmetric), data_error (it is not complete).
  LinearMap map() const;

 private:
  friend class StoreTiles;
  void find_tiles();
  Array<double> tile(std::size_t i, std::size_t j) const;
  void place(const Array<double>& tile, std::size_t plane, std::size_t i, std::size_t j, bool mirrored, Range rows,
             Range columns, double* out) const;
  void require_complete() const;

  std::filesystem::path folder_;
  KernelShape shape_;
  Partition partition_;
  StoreSettings settings_;
  std::string identity_;
  std::map<std::pair<std::size_t, std::size_t>, std::filesystem::path> files_;
};

/// Whether the folder holds a store, complete or not.
bool is_store(const std::filesystem::path& folder);

}  // namespace xtangent::ntk
