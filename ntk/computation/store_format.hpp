#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "ntk/store.hpp"

/// The files of a store: manifest.json, and one file for each tile with its place and checksum in the name.
namespace xtangent::ntk::store_format {

using Place = std::pair<std::size_t, std::size_t>;  ///< row and column of a tile

constexpr const char* manifest_name = "manifest.json";

[[noreturn]] void fail(const std::filesystem::path& place, const std::string& what);

struct TileFile {
  Place place;
  std::string sum;
};
std::string tile_name(Place place, const std::string& sum);
/// The place and checksum in the name of a tile's file, or nothing for other files.
std::optional<TileFile> parsed(const std::string& name);
std::string sum_of(const Array<double>& tile);

struct Manifest {
  KernelShape shape;
  Partition partition;
  StoreSettings settings;
};
std::string text_of(const Manifest& manifest);
/// Throws data_error (the manifest cannot be read, or is corrupt).
Manifest read_manifest(const std::filesystem::path& folder);

}  // namespace xtangent::ntk::store_format

namespace xtangent::ntk {

/// The CRC-32 of bytes in hexadecimal. It continues from an earlier fingerprint.
std::string fingerprint(const void* data, std::size_t bytes, const std::string& earlier = "");

}  // namespace xtangent::ntk
