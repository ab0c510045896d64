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

/// Kernels in folders: tiles are written as they are finished, so that work is never lost and a kernel may be larger
/// than the memory.
///
/// A store is a folder with `manifest.json` (what is computed, from what, in which tiles) and one NumPy file for each
/// finished tile, tile-ROW-COLUMN-CHECKSUM.npy. Every file is written to a temporary name, flushed and renamed: it is
/// there whole or not at all, whenever the process is killed.
namespace xtangent::ntk {

/// What a store was begun with, by name: fingerprints of network, parameters and data, readout, options.
using StoreSettings = std::vector<std::pair<std::string, std::string>>;

/// A kernel in a folder, whole or in part. Reading checks every tile's checksum.
class StoredKernel {
 public:
  /// Throws data_error: no store, a manifest that is corrupt.
  explicit StoredKernel(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const KernelShape& shape() const { return shape_; }
  const Partition& partition() const { return partition_; }
  const StoreSettings& settings() const { return settings_; }
  std::size_t tiles() const { return shape_.grid.count(); }
  std::size_t finished() const { return files_.size(); }
  bool complete() const { return finished() == tiles(); }

  /// Rows [first, last) of the matrix, (last - first, width); of plane `plane` where kernels are kept apart. Reads the
  /// tiles that they cross. Throws shape_error (out of range), data_error (not complete; a tile that is missing,
  /// truncated or corrupt, by its file).
  Array<double> rows(std::size_t first, std::size_t last, std::size_t plane = 0) const;
  /// The whole kernel in memory, of shape().shape().
  Array<double> matrix() const;
  /// Writes it as one NumPy file, whole or not at all, holding a row of tiles at a time. Throws data_error.
  void write_npy(const std::filesystem::path& file) const;
  /// A symmetric kernel as a map of columns, tile by tile from the disk: for Lanczos and conjugate gradients on kernels
  /// that do not fit in memory. Throws shape_error for one that is not symmetric, data_error unless it is complete.
  LinearMap map() const;

 private:
  friend class StoreTiles;
  Array<double> tile(std::size_t i, std::size_t j) const;
  void place(const Array<double>& tile, std::size_t plane, std::size_t i, std::size_t j, bool mirrored,
             std::size_t first, std::size_t last, double* out) const;
  void require_complete() const;

  std::filesystem::path folder_;
  KernelShape shape_;
  Partition partition_;
  StoreSettings settings_;
  std::map<std::pair<std::size_t, std::size_t>, std::filesystem::path> files_;
};

/// Is there a store, begun or finished?
bool is_store(const std::filesystem::path& folder);

}  // namespace xtangent::ntk
