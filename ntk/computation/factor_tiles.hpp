#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "autodiff/range.hpp"
#include "ntk/store.hpp"

namespace xtangent::ntk {

class FolderLock;

/// The files of a Cholesky factor in a folder: manifest.json, and factor-ROW-COLUMN-CHECKSUM.npy for each tile.
namespace factor_format {

struct Manifest {
  std::size_t order = 0, tile = 0;  ///< rows of the factor, and of a tile
  bool single = false;              ///< the tiles are in float, else in double
  StoreSettings settings;           ///< the kernel and the ridge
  bool operator==(const Manifest&) const = default;
};
/// The manifest as a file, with its own checksum.
std::string text_of(const Manifest& manifest);
/// The manifest in the text of `file`. Throws data_error unless every byte is as text_of() wrote it.
Manifest parsed_manifest(std::string_view text, const std::filesystem::path& file);
/// The manifest of the factor in a folder, or nothing where the folder has none. Throws data_error.
std::optional<Manifest> manifest_in(const std::filesystem::path& folder);

}  // namespace factor_format

/// The lower triangle of tiles (i, j), i >= j, of a Cholesky factor in a folder. Tiles are written whole or not at all,
/// and read with their checksums. Only one process at a time adds tiles.
class FactorTiles {
 public:
  /// Begins a factor or continues one. It keeps the tiles whose checksums fit and removes what an interrupted run left.
  /// Throws data_error (another process works in the folder, it cannot be written, its disk has too little space, or it
  /// has other files and no manifest), option_error (it was begun with other settings or tiles).
  FactorTiles(std::filesystem::path folder, const factor_format::Manifest& manifest);
  ~FactorTiles();

  const factor_format::Manifest& manifest() const { return manifest_; }
  /// The number of tiles along an edge.
  std::size_t along() const { return (manifest_.order + manifest_.tile - 1) / manifest_.tile; }
  /// The rows of the factor in tiles (i, j), which are also the columns in tiles (j, i).
  Range rows(std::size_t i) const { return {i * manifest_.tile, std::min(manifest_.order, (i + 1) * manifest_.tile)}; }
  bool has(std::size_t i, std::size_t j) const { return files_.contains({i, j}); }
  /// Tile (i, j). T is the type that the manifest says. Throws data_error, which names the file.
  template <class T>
  Array<T> read(std::size_t i, std::size_t j) const;
  template <class T>
  void write(std::size_t i, std::size_t j, const Array<T>& tile);
  /// Lets other processes open the factor. Nothing is written any more.
  void finish();

 private:
  template <class T>
  void check_all();
  // What the tiles that are not there will take on the disk.
  double missing_bytes() const;

  std::filesystem::path folder_;
  factor_format::Manifest manifest_;
  std::string identity_;  // the fingerprint of the manifest
  std::unique_ptr<FolderLock> lock_;
  std::map<std::pair<std::size_t, std::size_t>, std::filesystem::path> files_;
};

}  // namespace xtangent::ntk
