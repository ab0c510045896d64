#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ntk/computation/store_folder.hpp"
#include "ntk/store.hpp"

/// The files of a store: manifest.json, and one file for each tile with its place and checksum in the name.
namespace xtangent::ntk::store_format {

using Place = std::pair<std::size_t, std::size_t>;  ///< row and column of a tile

struct TileFile {
  Place place;
  std::string sum;
};
std::string tile_name(Place place, const std::string& sum);
/// The place and checksum in the name of a tile's file, or nothing for other files.
std::optional<TileFile> parsed(const std::string& name);
struct Manifest {
  KernelShape shape;
  Partition partition;
  StoreSettings settings;
};
/// The manifest as a file, with its own checksum.
std::string text_of(const Manifest& manifest);
/// What is wrong with this cut of this kernel, or nothing: numbers out of range, or a cut of another kernel.
std::string fault_of(const KernelShape& shape, const Partition& cut);
/// The manifest in the text of `file`. Throws data_error unless every byte is as text_of() wrote it and the kernel can
/// be cut like this.
Manifest parsed_manifest(std::string_view text, const std::filesystem::path& file);
/// Throws data_error (the manifest cannot be read, or is corrupt).
Manifest read_manifest(const std::filesystem::path& folder);

}  // namespace xtangent::ntk::store_format
